"""The actions of `ecr:` (service authorization reference, "Actions, resources, and condition keys for Amazon ECR")."""

from moorage.core.wildcard import matches_glob

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
_KNOWN = tuple(f"{_PREFIX}{name}".lower() for name in REPOSITORY_ACTIONS | REGISTRY_ACTIONS)


def names_ecr_actions(pattern: str) -> bool:
    """Whether an action of a policy, such as `ecr:Get*`, names at least one action that ECR has. `*` alone does too."""
    wanted = pattern.lower()
    return wanted == "*" or (wanted.startswith(_PREFIX) and any(matches_glob(wanted, known) for known in _KNOWN))


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action of a policy takes in a concrete one; case does not matter, `*` and `?` are wildcards."""
    return matches_glob(pattern.lower(), action.lower())
