"""`moorage iam`: what IAM has beyond AWS's own APIs."""

from moorage.cli.remote import oidc, robots, sessions
from moorage.cli.remote.command import Group, Verbs
from moorage.cli.remote.explain import add_explain


def _build(verbs: Verbs) -> None:
    add_explain(verbs)
    robots.build(verbs.group("robot", "make, list, rotate and delete users for pipelines"))
    sessions.build(verbs.group("session", "list and revoke temporary credentials"))
    oidc.build(verbs.group("oidc", "give the keys of token issuers"))


IAM = Group("iam", "explain who may do what, make robots, see and end what people and programs are signed in by", _build)
