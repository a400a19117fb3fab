import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.digest import ALGORITHMS, Digest, Digester, is_grammatical
from moorage.core.errors import InvalidDigestError

SHA256 = "sha256:" + "a" * 64


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(data=st.binary(max_size=200))
def test_the_digest_of_bytes_is_what_the_library_computes_and_reads_back(algorithm: str, data: bytes) -> None:
    digest = Digest.of(data, algorithm)
    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        "a" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 64 + "\n",
        " " + SHA256,
        "sha512:" + "a" * 64,
        "sha384:" + "a" * 96,
        "md5:" + "a" * 32,
        "SHA256:" + "a" * 64,
        "sha256:" + "\uff11" * 64,
        "sha256:../" + "a" * 61,
    ],
)
def test_anything_but_lower_case_hex_of_a_known_algorithm_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigestError) as refused:
        Digest.parse(text)
    assert refused.value.oci_code == "DIGEST_INVALID" and len(refused.value.message) < 300


@given(st.text(max_size=300) | st.from_regex(r"\A(sha256|sha512):[0-9a-fA-F]{60,130}\Z"))
def test_every_text_is_a_digest_that_spells_itself_or_is_refused(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except InvalidDigestError:
        assert not re.fullmatch(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", text)
    else:
        assert str(digest) == text and is_grammatical(text)


@pytest.mark.parametrize("text", [SHA256, "blake3:abc", "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "a.b-c_d:="])
def test_a_foreign_digest_may_fit_the_grammar(text: str) -> None:
    assert is_grammatical(text)


@pytest.mark.parametrize("text", ["", "sha256:", ":a", "Sha256:a", "sha256:a b", "a..b:c", "a:" + "b" * 600, "a:b\n", "a:b:c"])
def test_what_breaks_the_grammar_is_no_digest_at_all(text: str) -> None:
    assert not is_grammatical(text)


@given(st.lists(st.binary(max_size=50)))
def test_a_digester_sees_a_stream_as_the_whole_of_its_pieces(pieces: list[bytes]) -> None:
    digester = Digester("sha512")
    for piece in pieces:
        digester.update(memoryview(piece))
    whole = b"".join(pieces)
    assert digester.size == len(whole)
    assert digester.digests() == (Digest.of(whole), Digest.of(whole, "sha512"))


def test_a_digester_always_computes_sha256_and_others_when_asked() -> None:
    assert [digest.algorithm for digest in Digester().digests()] == ["sha256"]
    assert Digester("sha256").computes("sha256") and not Digester().computes("sha512")
