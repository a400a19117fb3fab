"""`moorage env`, as a shell would evaluate it."""

import json
import subprocess
from pathlib import Path

import pytest

from moorage.cli.data_directory import Lock
from moorage.cli.environment import Environment, exports, local_environment
from moorage.cli.errors import CommandError
from moorage.cli.main import main
from moorage.config import Options, load

KEY = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "se/cret+key"}


def options(data: Path, **flags: str) -> Options:
    return load({"data_dir": str(data), **flags}, {}).options


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "root-credentials.json").write_text(json.dumps(KEY))
    return tmp_path


def test_the_key_comes_from_the_data_directory(data: Path) -> None:
    assert local_environment(options(data, region="eu-west-1")) == Environment(
        "http://localhost:5000", "AKIAEXAMPLE", "se/cret+key", "eu-west-1"
    )


def test_a_configured_key_wins(data: Path) -> None:
    pair = {"MOORAGE_ROOT_ACCESS_KEY_ID": "OWN", "MOORAGE_ROOT_SECRET_ACCESS_KEY": "own-secret"}
    found = local_environment(load({"data_dir": str(data)}, pair).options)
    assert (found.access_key_id, found.secret_access_key) == ("OWN", "own-secret")


def test_the_endpoint_is_the_kept_port_unless_a_server_runs_or_a_setting_says_more(data: Path) -> None:
    (data / "listen.json").write_text('{"port": 5004}')
    assert local_environment(options(data)).endpoint_url == "http://localhost:5004"
    lock = Lock(data)
    lock.describe({"endpoint": "http://localhost:7000"})
    assert local_environment(options(data)).endpoint_url == "http://localhost:7000"
    assert local_environment(options(data, port="6000")).endpoint_url == "http://localhost:6000"
    assert local_environment(options(data, address="registry.example")).endpoint_url == "http://registry.example"
    lock.release()
    assert local_environment(options(data)).endpoint_url == "http://localhost:5004"


def test_a_shell_reads_back_what_was_printed() -> None:
    found = Environment("http://localhost:5000", "AKIA", "it's $HOME \\ `x`", "us-east-1")
    script = exports(found, stale=True) + 'printf %s "$AWS_SECRET_ACCESS_KEY|$AWS_DEFAULT_REGION|${AWS_SESSION_TOKEN-none}"'
    shell = subprocess.run(["sh", "-c", script], env={"AWS_SESSION_TOKEN": "old"}, capture_output=True, text=True, check=True)
    assert shell.stdout == "it's $HOME \\ `x`|us-east-1|none"


def test_the_command_prints_one_export_line_each(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    assert main(["env", "--data-dir", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "export AWS_ENDPOINT_URL=http://localhost:5000",
        "export AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
        "export AWS_SECRET_ACCESS_KEY=se/cret+key",
        "export AWS_REGION=us-east-1",
        "export AWS_DEFAULT_REGION=us-east-1",
    ]


def test_without_a_data_directory_the_command_says_so_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env", "--data-dir", str(tmp_path / "none")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("moorage: There is no data directory ")


def test_a_directory_without_a_key_or_with_a_broken_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Start the server once to make the root key"):
        local_environment(options(tmp_path))
    (tmp_path / "root-credentials.json").write_text("{}")
    with pytest.raises(CommandError, match="does not hold a key"):
        local_environment(options(tmp_path))
    (tmp_path / "root-credentials.json").unlink()
    (tmp_path / "root-credentials.json").mkdir()
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        local_environment(options(tmp_path))


def test_a_bad_setting_ends_the_command_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--port", "x"]) == 2
    assert (
        capsys.readouterr().err
        == "moorage: MOORAGE_PORT (from the flag --port) must be a whole number from 0 to 65535, not 'x'.\n"
    )


def test_an_unknown_variable_is_a_warning_on_stderr_only(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORAGE_DATADIR", "/x")
    assert main(["env", "--data-dir", str(data)]) == 0
    assert "the nearest is MOORAGE_DATA_DIR" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("moorage 0.")
