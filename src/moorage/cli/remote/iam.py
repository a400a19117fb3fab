"""`moorage iam`: what IAM has beyond AWS's own APIs."""

from moorage.cli.remote import robots, sessions
from moorage.cli.remote.command import Group, Verbs


def _build(verbs: Verbs) -> None:
    robots.build(verbs.group("robot", "make, list, rotate and delete users for pipelines"))
    sessions.build(verbs.group("session", "list and revoke temporary credentials"))


IAM = Group("iam", "make robots, and see and end what people and programs are signed in by", _build)
