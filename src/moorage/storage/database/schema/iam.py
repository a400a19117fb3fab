"""IAM's resources: users, groups, roles, managed policies, instance profiles, OpenID Connect providers, and their policies.

What they share (a unique id, a name in an account, a path, tags) is in `iam_resources`; what only some have stands beside it.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from moorage.storage.database.schema.columns import Time, metadata


def _of_resource(name: str = "id", target: str = "iam_resources", *, primary_key: bool = True) -> Column[str]:
    reference = ForeignKey(f"{target}.id", ondelete="CASCADE")
    return Column(name, Text, reference, primary_key=primary_key, nullable=False)


iam_resources = Table(
    "iam_resources",
    metadata,
    Column("id", Text, primary_key=True),  # AIDA… user, AGPA… group, AROA… role, ANPA… policy, AIPA… instance profile
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # user | group | role | policy | instance-profile | oidc-provider
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),  # in lower case: names that differ in case only are one name
    Column("path", Text, nullable=False, server_default="/"),
    Column("description", Text),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("account_id", "kind", "name_key"),
)

iam_tags = Table(
    "iam_tags",
    metadata,
    _of_resource("resource_id"),
    Column("key_key", Text, primary_key=True),  # the key in lower case
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    _of_resource(),
    Column("password_hash", Text),  # NULL: no login profile
    Column("password_reset_required", Boolean, nullable=False, server_default=text("0")),
    Column("password_set_at", Time),
    Column("password_last_used_at", Time),
)

group_members = Table(
    "group_members",
    metadata,
    _of_resource("group_id"),
    _of_resource("user_id", "users"),
    Index("ix_group_members_user_id", "user_id"),
)

roles = Table(
    "roles",
    metadata,
    _of_resource(),
    Column("trust_policy", Text, nullable=False),
    Column(
        "trusted_ids", Text, nullable=False, server_default="{}"
    ),  # JSON object: ARN in the policy -> unique id that it meant
    Column("max_session_seconds", Integer, nullable=False, server_default="3600"),
    Column("last_used_at", Time),
    Column("last_used_region", Text),
)

managed_policies = Table(
    "managed_policies",
    metadata,
    _of_resource(),
    Column("default_version", Integer, nullable=False, server_default="1"),
    Column("newest_version", Integer, nullable=False, server_default="1"),  # numbers are never used twice
    Column("updated_at", Time, nullable=False),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    _of_resource("policy_id", "managed_policies"),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("created_at", Time, nullable=False),
)

policy_attachments = Table(  # managed policies of users, groups and roles
    "policy_attachments",
    metadata,
    _of_resource("resource_id"),
    Column("policy_arn", Text, primary_key=True),
    Column("policy_id", Text, ForeignKey("managed_policies.id")),  # NULL: one of AWS's, which no account owns
    Column("attached_at", Time, nullable=False),
    Index("ix_policy_attachments_policy_arn", "policy_arn"),
    Index("ix_policy_attachments_policy_id", "policy_id"),
)

permissions_boundaries = Table(  # of users and roles
    "permissions_boundaries",
    metadata,
    _of_resource("resource_id"),
    Column("policy_arn", Text, nullable=False),
    Column("policy_id", Text, ForeignKey("managed_policies.id")),
    Index("ix_permissions_boundaries_policy_arn", "policy_arn"),
    Index("ix_permissions_boundaries_policy_id", "policy_id"),
)

inline_policies = Table(  # of users, groups and roles
    "inline_policies",
    metadata,
    _of_resource("resource_id"),
    Column("name_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
)

instance_profile_roles = Table(
    "instance_profile_roles",
    metadata,
    _of_resource("profile_id"),
    _of_resource("role_id", "roles"),
    Index("ix_instance_profile_roles_role_id", "role_id"),
)

oidc_providers = Table(  # the resource's name is the URL without its scheme
    "oidc_providers",
    metadata,
    _of_resource(),
    Column("client_ids", Text, nullable=False, server_default="[]"),  # JSON list
    Column("thumbprints", Text, nullable=False, server_default="[]"),  # JSON list
    Column("given_keys", Text),  # JSON: a JWKS that the operator gave; NULL: keys are fetched
    Column("fetched_keys", Text),  # JSON: the JWKS as it was fetched last
    Column("fetched_at", Time),
)

service_control_policies = Table(
    "service_control_policies",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("set_at", Time, nullable=False),
)
