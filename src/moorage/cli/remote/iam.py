"""`moorage iam`: what IAM's own API does not have."""

from moorage.cli.remote.command import Group, Verbs
from moorage.cli.remote.explain import add_explain


def _build(verbs: Verbs) -> None:
    add_explain(verbs)


IAM = Group("iam", "explain who may do what", _build)
