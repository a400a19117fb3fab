import pytest

from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import Kind, NamedPrincipal

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("key", "text", "kind", "canonical"),
    [
        ("AWS", "*", Kind.ANYONE, "*"),
        ("AWS", ACCOUNT, Kind.ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:root", Kind.ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        ("AWS", f"arn:aws-cn:iam::{ACCOUNT}:root", Kind.ACCOUNT, f"arn:aws-cn:iam::{ACCOUNT}:root"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/alice", Kind.USER, f"arn:aws:iam::{ACCOUNT}:user/alice"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:role/a/b/deploy", Kind.ROLE, f"arn:aws:iam::{ACCOUNT}:role/a/b/deploy"),
        (
            "AWS",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me@x",
            Kind.ASSUMED_ROLE,
            f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me@x",
        ),
        (
            "AWS",
            f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
            Kind.FEDERATED_USER,
            f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        ),
        ("AWS", "AIDACKCEVSQ6C2EXAMPLE", Kind.UNIQUE_ID, "AIDACKCEVSQ6C2EXAMPLE"),
        ("Service", "codebuild.amazonaws.com", Kind.SERVICE, "codebuild.amazonaws.com"),
        ("Service", "ec2.cn-north-1.amazonaws.com.cn", Kind.SERVICE, "ec2.cn-north-1.amazonaws.com.cn"),
        ("Federated", "accounts.google.com", Kind.FEDERATED, "accounts.google.com"),
        (
            "Federated",
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
            Kind.FEDERATED,
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
        ),
        ("CanonicalUser", "0" * 64, Kind.CANONICAL_USER, "0" * 64),
    ],
)
def test_principals_have_one_canonical_form(key: str, text: str, kind: Kind, canonical: str) -> None:
    found = NamedPrincipal.parse(key, text)
    assert (found.kind, found.canonical) == (kind, canonical)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("AWS", ""),
        ("AWS", "12345678901"),
        ("AWS", "١٢٣٤٥٦٧٨٩٠١٢"),
        ("AWS", "alice"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:root/x"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/*"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/a*/b"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user//a"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/{'a' * 65}"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:group/admins"),
        ("AWS", f"arn:aws:iam::*:role/{'a' * 8}"),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:user/alice"),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role/r"),
        ("AWS", f"arn:aws:iam:us-east-1:{ACCOUNT}:user/alice"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/alice\n"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/{'a/' * 1500}a"),
        ("Service", "*"),
        ("Service", "codebuild"),
        ("Service", f"{'a.' * 5000}amazonaws.com"),
        ("Federated", "*"),
        ("CanonicalUser", "x"),
        ("Anyone", "*"),
    ],
)
def test_what_is_no_principal_is_refused(key: str, text: str) -> None:
    with pytest.raises(MalformedPolicyError):
        NamedPrincipal.parse(key, text)
