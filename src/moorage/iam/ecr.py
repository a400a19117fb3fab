"""What ECR's own policies may say: its actions (service authorization reference, "Amazon ECR"), and the two kinds of policy."""

from collections.abc import Iterator

from moorage.core.wildcard import matches_glob
from moorage.iam.document import Document
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import Kind, NamedPrincipal

REPOSITORY_ACTIONS = frozenset(
    """
    BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration BatchImportUpstreamImage
    CompleteLayerUpload CreateRepository DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy
    DescribeImageReplicationStatus DescribeImages DescribeImageScanFindings DescribeImageSigningStatus DescribeRepositories
    GetDownloadUrlForLayer GetImageCopyStatus GetLifecyclePolicy GetLifecyclePolicyPreview GetRepositoryPolicy
    InitiateLayerUpload ListImageReferrers ListImages ListTagsForResource PutImage PutImageScanningConfiguration
    PutImageTagMutability PutLifecyclePolicy ReplicateImage SetRepositoryPolicy StartImageScan StartLifecyclePolicyPreview
    TagResource UntagResource UpdateImageStorageClass UploadLayerPart
    """.split()
)
"""Those that are about a repository."""

REGISTRY_ACTIONS = frozenset(
    """
    CreatePullThroughCacheRule CreateRepositoryCreationTemplate DeletePullThroughCacheRule DeleteRegistryPolicy
    DeleteRepositoryCreationTemplate DeleteSigningConfiguration DeregisterPullTimeUpdateExclusion DescribePullThroughCacheRules
    DescribeRegistry DescribeReplicationBackfillResults DescribeRepositoryCreationTemplates GetAccountSetting
    GetAuthorizationToken GetRegistryPolicy GetRegistryScanningConfiguration GetSigningConfiguration
    ListPullTimeUpdateExclusions ListReplicationBackfills PutAccountSetting PutRegistryPolicy PutRegistryScanningConfiguration
    PutReplicationConfiguration PutSigningConfiguration RegisterPullTimeUpdateExclusion StartReplicationBackfill
    StopReplicationBackfill UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate ValidatePullThroughCacheRule
    """.split()
)
"""Those whose resource is `*`."""

_PREFIX = "ecr:"
_KNOWN = frozenset(f"{_PREFIX}{name}".lower() for name in REPOSITORY_ACTIONS | REGISTRY_ACTIONS)


def names_ecr_actions(pattern: str) -> bool:
    """Whether an action of a policy, such as `ecr:Get*`, names at least one action that ECR has. `*` alone does too."""
    wanted = pattern.lower()
    if wanted in _KNOWN or wanted == "*":
        return True
    head = wanted.partition("*")[0].partition("?")[0]
    return head.startswith(_PREFIX) and any(known.startswith(head) and matches_glob(wanted, known) for known in _KNOWN)


def parse_ecr_policy(text: str, *, resource: bool | None) -> Document:
    """A policy of a repository or a registry; raises MalformedPolicyError.

    Principals are needed, actions must be ECR's, and `resource` is whether `Resource` must be there, as in `Document.require`.
    """
    document = Document.parse(text)
    document.require(principal=True, resource=resource)
    for statement in document.statements:
        for action in dict.fromkeys((statement.actions or ()) + (statement.not_actions or ())):
            if not names_ecr_actions(action):
                raise MalformedPolicyError(f"{action[:256]!r} is no action of ECR.")
    for named in principals_of(document):
        if named.kind is Kind.CANONICAL_USER:
            raise MalformedPolicyError("ECR knows no canonical users.")
    return document


FIRST_SCOPE = frozenset({"ecr:replicateimage", "ecr:batchimportupstreamimage", "ecr:createrepository"})


def is_of_first_scope(document: Document) -> bool:
    """Whether a registry's policy names no other actions than the scope V1 knows (ECR user guide, "Registry permissions")."""
    return all(
        statement.not_actions is None and all(action.lower() in FIRST_SCOPE for action in statement.actions or ())
        for statement in document.statements
    )


def principals_of(document: Document) -> Iterator[NamedPrincipal]:
    """Every principal that a policy names, in any way."""
    for statement in document.statements:
        yield from statement.principals or ()
        yield from statement.not_principals or ()
