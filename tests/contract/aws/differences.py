"""What a user of ECR must know of each operation that answers differently here, and what is not implemented yet."""

DIFFERENCES = {
    "BatchDeleteImage": "removes: the image is invisible, and kept for the retention; it can be brought back until then",
    "BatchGetImage": "the stored bytes, whatever `acceptedMediaTypes` says: nothing is converted",
    "CompleteLayerUpload": "parts must follow one another; only the last may be below 5 MiB",
    "CreateRepository": "`encryptionConfiguration` is kept and shown; the disk, or the bucket's own encryption, encrypts",
    "DeleteRepository": "removed images that are still kept go with it, and cannot come back",
    "DescribeImages": "every image is `ACTIVE`; no scan summaries",
    "GetAuthorizationToken": "`proxyEndpoint` has the scheme that the caller used",
    "GetDownloadUrlForLayer": "a URL of this server under the host that the request named, good for 15 minutes",
    "ListImages": "every image is `ACTIVE`",
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
