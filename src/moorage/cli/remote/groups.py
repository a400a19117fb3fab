"""Every command that is a signed client of `/api/v1`, and every group of such."""

from moorage.cli.remote.accounts import ACCOUNTS
from moorage.cli.remote.audit import AUDIT
from moorage.cli.remote.command import Command, Group
from moorage.cli.remote.iam import IAM
from moorage.cli.remote.images import IMAGES
from moorage.cli.remote.repositories import REPOSITORIES
from moorage.cli.remote.tags import TAGS
from moorage.cli.remote.tokens import TOKENS

GROUPS: tuple[Group, ...] = (ACCOUNTS, IAM, TOKENS, REPOSITORIES, IMAGES, TAGS)

COMMANDS: tuple[Command, ...] = (AUDIT,)
