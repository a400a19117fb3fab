"""`moorage iam`: what IAM has beyond AWS's own APIs."""

from moorage.cli.remote import oidc, sessions
from moorage.cli.remote.command import Group, Verbs


def _build(verbs: Verbs) -> None:
    sessions.build(verbs.group("session", "list and revoke temporary credentials"))
    oidc.build(verbs.group("oidc", "give the keys of token issuers"))


IAM = Group("iam", "see and end what people and programs are signed in by", _build)
