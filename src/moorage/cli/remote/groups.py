"""Every group of commands that are signed clients of `/api/v1`."""

from moorage.cli.remote.accounts import ACCOUNTS
from moorage.cli.remote.command import Group
from moorage.cli.remote.images import IMAGES
from moorage.cli.remote.repositories import REPOSITORIES
from moorage.cli.remote.tags import TAGS
from moorage.cli.remote.tokens import TOKENS

GROUPS: tuple[Group, ...] = (ACCOUNTS, TOKENS, REPOSITORIES, IMAGES, TAGS)
