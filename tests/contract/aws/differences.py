"""What a user of ECR must know of each operation that answers differently here, and what is not implemented yet."""

_NOT_SCANNED = "configuration only: nothing is scanned yet"
_TAG_KEYS = "keys of tags that differ in case only are refused, since conditions on tags do not tell them apart"
_PRINTED = "checked and re-serialised as ECR does, unless that would be longer than 10,240 characters"

DIFFERENCES = {
    "BatchDeleteImage": "removes: the image is invisible, and kept for the retention; it can be brought back until then; much is"
    " removed in several transactions",
    "BatchGetRepositoryScanningConfiguration": _NOT_SCANNED,
    "BatchGetImage": "the stored bytes, whatever `acceptedMediaTypes` says: nothing is converted",
    "CompleteLayerUpload": "parts must follow one another; only the last may be below 5 MiB",
    "CreateRepository": f"{_TAG_KEYS}; `encryptionConfiguration` is kept and shown; a key must be one of the region by its form,"
    " and is not looked up; the disk, or the bucket's own encryption, encrypts",
    "CreateRepositoryCreationTemplate": "decided on the repositories that the prefix takes in; at most 500; tags are refused as by"
    " CreateRepository; `repositoryPolicy` means the users and roles that it named when it was given; `lifecyclePolicy` is checked"
    " as JSON and kept for when lifecycle policies come; `customRoleArn` must be of the registry's account and is kept, not assumed",
    "DeleteRepository": "gone at once, rows and bytes later; removed images that are still kept go with it for good",
    "DescribeImages": "every image is `ACTIVE`; no scan summaries; an ill-formed identifier is ImageNotFound",
    "DescribeRegistry": "replicates nothing yet: no rules",
    "DescribeRepositories": "without names decided on `repository/*`",
    "GetAuthorizationToken": "`proxyEndpoint` has the scheme that the caller used",
    "GetDownloadUrlForLayer": "a URL of this server under the host that the request named, good for 15 minutes",
    "GetRegistryScanningConfiguration": _NOT_SCANNED,
    "ListImageReferrers": "ordered by digest; every referrer is `ACTIVE`",
    "ListImages": "every image is `ACTIVE`",
    "PutAccountSetting": "`BLOB_MOUNTING` is `ENABLED` at first, and a blob needs no manifest to be mounted; `CLAIR` is refused",
    "PutImageScanningConfiguration": f"refused while `scanType` is `ENHANCED`; {_NOT_SCANNED}",
    "PutRegistryPolicy": f"{_PRINTED}; one that would lock its author out is refused; while `REGISTRY_POLICY_SCOPE` is `V1`, its three"
    " actions only",
    "PutRegistryScanningConfiguration": _NOT_SCANNED,
    "SetRepositoryPolicy": f"{_PRINTED}; users and roles are looked up in the policy's own account only, since the answer would"
    " tell who is in another: their ARNs are shown as they were written, their unique ids are refused, and an ARN that nobody has"
    " yet means whoever gets it",
    "TagResource": f"{_TAG_KEYS}, also where one is there already",
}
"""By operation; one sentence each, in Markdown."""

_NONE_HERE = "always empty: there are none here"

ACCESS_DIFFERENCES = {
    "AssumeRole": "no MFA and no context assertions; a root takes no role",
    "AssumeRoleWithWebIdentity": "keys can be given instead of fetched; thumbprints decide nothing; session tags and source"
    " identity come from claims",
    "ChangePassword": "the rules are IAM's default ones",
    "CreateAccountAlias": "replaces the one that is there",
    "CreateOpenIDConnectProvider": "the URL may have a port; thumbprints are kept and not used",
    "CreateServiceLinkedRole": "of ECR's own services only",
    "DecodeAuthorizationMessage": "the messages are in the header `x-moorage-authorization-message` of every refusal",
    "DeleteServiceLinkedRole": "at once; its task has succeeded",
    "GetAccountPasswordPolicy": "none can be set, so it answers NoSuchEntity",
    "GetSessionToken": "without MFA, so these credentials call neither IAM nor most of STS, as at AWS; they end with the key that"
    " asked for them",
    "GetFederationToken": "ends with the key that asked for it",
    "ListMFADevices": _NONE_HERE,
    "ListSSHPublicKeys": _NONE_HERE,
    "ListServiceSpecificCredentials": _NONE_HERE,
    "ListSigningCertificates": _NONE_HERE,
    "ListVirtualMFADevices": _NONE_HERE,
    "LookupEvents": "read and write calls of the region, and those of IAM and STS; kept for `MOORAGE_AUDIT_RETENTION`",
    "SimulateCustomPolicy": "one result per action, over all resources, as the model says",
    "SimulatePrincipalPolicy": "one result per action, over all resources, as the model says",
    "UpdateAccessKey": "`Active` and `Inactive` can be set",
}
"""Of IAM, STS and CloudTrail."""

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
