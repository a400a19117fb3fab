"""What a user of ECR must know of each operation that answers differently here, and what is not implemented yet."""

_NOT_SCANNED = "configuration only: nothing is scanned yet"
_NOT_ENFORCED = (
    "checked, kept and re-serialised as ECR does, unless that would be longer than 10,240 characters; not enforced yet"
)

DIFFERENCES = {
    "BatchDeleteImage": "removes: the image is invisible, and kept for the retention; it can be brought back until then; much is"
    " removed in several transactions",
    "BatchGetRepositoryScanningConfiguration": _NOT_SCANNED,
    "BatchGetImage": "the stored bytes, whatever `acceptedMediaTypes` says: nothing is converted",
    "CompleteLayerUpload": "parts must follow one another; only the last may be below 5 MiB",
    "CreateRepository": "`encryptionConfiguration` is kept and shown; a key must be one of the region by its form, and is not"
    " looked up; the disk, or the bucket's own encryption, encrypts",
    "CreateRepositoryCreationTemplate": "at most 500; `lifecyclePolicy` is checked as JSON and kept for when lifecycle policies"
    " come; `customRoleArn` must be of the registry's account and is kept, not assumed",
    "DeleteRepository": "gone at once, rows and bytes later; removed images that are still kept go with it for good",
    "DescribeImages": "every image is `ACTIVE`; no scan summaries; an ill-formed identifier is ImageNotFound",
    "DescribeRegistry": "replicates nothing yet: no rules",
    "GetAuthorizationToken": "`proxyEndpoint` has the scheme that the caller used",
    "GetDownloadUrlForLayer": "a URL of this server under the host that the request named, good for 15 minutes",
    "GetRegistryScanningConfiguration": _NOT_SCANNED,
    "ListImageReferrers": "ordered by digest; every referrer is `ACTIVE`",
    "ListImages": "every image is `ACTIVE`",
    "PutAccountSetting": "`BLOB_MOUNTING` is `ENABLED` at first, and a blob needs no manifest to be mounted; `CLAIR` is refused",
    "PutImageScanningConfiguration": f"refused while `scanType` is `ENHANCED`; {_NOT_SCANNED}",
    "PutRegistryPolicy": f"{_NOT_ENFORCED}; while `REGISTRY_POLICY_SCOPE` is `V1`, its three actions only",
    "PutRegistryScanningConfiguration": _NOT_SCANNED,
    "SetRepositoryPolicy": f"{_NOT_ENFORCED}; users and roles are looked up in the policy's own account only",
}
"""By operation; one sentence each, in Markdown."""

_LIFECYCLE = "lifecycle policies"
_ARCHIVE = "the archive"
_SCANNING = "scanning"
_REPLICATION = "replication"
_PULL_THROUGH = "pull-through cache"
_SIGNING = "managed signing"

LATER = {
    **dict.fromkeys(("PutLifecyclePolicy", "GetLifecyclePolicy", "DeleteLifecyclePolicy"), _LIFECYCLE),
    **dict.fromkeys(("StartLifecyclePolicyPreview", "GetLifecyclePolicyPreview"), _LIFECYCLE),
    "UpdateImageStorageClass": _ARCHIVE,
    **dict.fromkeys(("StartImageScan", "DescribeImageScanFindings"), _SCANNING),
    **dict.fromkeys(("PutReplicationConfiguration", "DescribeImageReplicationStatus"), _REPLICATION),
    **dict.fromkeys(("StartReplicationBackfill", "StopReplicationBackfill", "ListReplicationBackfills"), _REPLICATION),
    "DescribeReplicationBackfillResults": _REPLICATION,
    **dict.fromkeys(("CreatePullThroughCacheRule", "DescribePullThroughCacheRules"), _PULL_THROUGH),
    **dict.fromkeys(("UpdatePullThroughCacheRule", "DeletePullThroughCacheRule"), _PULL_THROUGH),
    "ValidatePullThroughCacheRule": _PULL_THROUGH,
    **dict.fromkeys(("PutSigningConfiguration", "GetSigningConfiguration", "DeleteSigningConfiguration"), _SIGNING),
    "DescribeImageSigningStatus": _SIGNING,
}
"""The operations that answer UnknownOperationException, with what they wait for."""
