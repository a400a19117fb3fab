"""The smallest good request for each entry, typed by hand.

It names what is not there, or would make what is there already, so that a call that is let pass changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.authorization.place import ACCOUNT, Ask

DIGEST = "sha256:" + "0" * 64
UPLOAD = "00000000-0000-4000-8000-000000000000"

_IAM = f"arn:aws:iam::{ACCOUNT}:"
_ECR = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"
ABSENT: Mapping[str, str] = {
    "*": "*",
    "repository": f"{_ECR}absent/app",
    "repositories": f"{_ECR}*",
    "templated": f"{_ECR}absent/*",
    "source": f"{_ECR}source/app",
    "user": f"{_IAM}user/absent",
    "group": f"{_IAM}group/absent",
    "role": f"{_IAM}role/absent",
    "policy": f"{_IAM}policy/absent",
    "instance-profile": f"{_IAM}instance-profile/absent",
    "oidc-provider": f"{_IAM}oidc-provider/absent.example.com",
    "federated-user": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
    "service-linked-role": (f"{_IAM}role/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"),
    "robot": f"{_IAM}user/robot/absent",
}
"""The ARN of what a sample names, by kind (Service Authorization Reference, "Resource types defined by")."""

_TAKEN: Mapping[str, str] = {
    "repository": f"{_ECR}taken/app",
    "templated": f"{_ECR}taken/*",
    "user": f"{_IAM}user/made/taken",
    "group": f"{_IAM}group/made/taken",
    "role": f"{_IAM}role/made/taken",
    "policy": f"{_IAM}policy/made/taken",
    "instance-profile": f"{_IAM}instance-profile/made/taken",
    "oidc-provider": f"{_IAM}oidc-provider/taken.example.com",
}
"""Of what is there already."""

OWN = "OWN"
"""Stands for the caller's own ARN."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The parameters of a request, and what they name if it is not what is absent."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def arn(self, kind: str) -> str:
        """The ARN of what the request names."""
        return self.names.get(kind) or ABSENT[kind]


def _in_registry(more: Mapping[str, Any]) -> Sample:
    return Sample({"registryId": ACCOUNT, "repositoryName": "absent/app", **more})


_IMAGES = {"imageIds": [{"imageTag": "1"}]}
_POLICIES = {"repositoryPolicy": "{}", "lifecyclePolicy": "{}"}
_CUSTOM_ROLE = {"customRoleArn": ABSENT["role"], "resourceTags": []}
_NEW_TEMPLATE = {"prefix": "taken", "appliedFor": ["PULL_THROUGH_CACHE"]}
_TAG = [{"Key": "team", "Value": "a"}]
_NEW_REPOSITORY = {"registryId": ACCOUNT, "repositoryName": "taken/app"}

ECR: Mapping[str, Sample] = {
    "BatchCheckLayerAvailability": _in_registry({"layerDigests": [DIGEST]}),
    "BatchDeleteImage": _in_registry(_IMAGES),
    "BatchGetImage": _in_registry(_IMAGES),
    "BatchGetRepositoryScanningConfiguration": Sample({"repositoryNames": ["absent/app"]}),
    "CompleteLayerUpload": _in_registry({"uploadId": UPLOAD, "layerDigests": [DIGEST]}),
    "CreateRepository": Sample(_NEW_REPOSITORY, _TAKEN),
    "CreateRepository+tags": Sample({**_NEW_REPOSITORY, "tags": _TAG}, _TAKEN),
    "CreateRepositoryCreationTemplate": Sample(_NEW_TEMPLATE, _TAKEN),
    "CreateRepositoryCreationTemplate+policies": Sample({**_NEW_TEMPLATE, **_POLICIES}, _TAKEN),
    "CreateRepositoryCreationTemplate+role": Sample({**_NEW_TEMPLATE, **_CUSTOM_ROLE}, {"templated": _TAKEN["templated"]}),
    "DeleteRegistryPolicy": Sample(),
    "DeleteRepository": _in_registry({}),
    "DeleteRepositoryCreationTemplate": Sample({"prefix": "absent"}),
    "DeleteRepositoryPolicy": _in_registry({}),
    "DeregisterPullTimeUpdateExclusion": Sample({"principalArn": ABSENT["role"]}),
    "DescribeImages": _in_registry({}),
    "DescribeRegistry": Sample(),
    "DescribeRepositories": Sample({"registryId": ACCOUNT, "repositoryNames": ["absent/app"]}),
    "DescribeRepositories+all": Sample({"registryId": ACCOUNT}),
    "DescribeRepositoryCreationTemplates": Sample(),
    "GetAccountSetting": Sample({"name": "BLOB_MOUNTING"}),
    "GetAuthorizationToken": Sample(),
    "GetDownloadUrlForLayer": _in_registry({"layerDigest": DIGEST}),
    "GetRegistryPolicy": Sample(),
    "GetRegistryScanningConfiguration": Sample(),
    "GetRepositoryPolicy": _in_registry({}),
    "InitiateLayerUpload": _in_registry({}),
    "ListImageReferrers": _in_registry({"subjectId": {"imageDigest": DIGEST}}),
    "ListImages": _in_registry({}),
    "ListPullTimeUpdateExclusions": Sample(),
    "ListTagsForResource": Sample({"resourceArn": ABSENT["repository"]}),
    "PutAccountSetting": Sample({"name": "BLOB_MOUNTING", "value": "SOMETHING"}),
    "PutImage": _in_registry({"imageManifest": "{}", "imageTag": "1"}),
    "PutImageScanningConfiguration": _in_registry({"imageScanningConfiguration": {"scanOnPush": False}}),
    "PutImageTagMutability": _in_registry({"imageTagMutability": "MUTABLE"}),
    "PutRegistryPolicy": Sample({"policyText": "{}"}),
    "PutRegistryScanningConfiguration": Sample({"scanType": "BASIC", "rules": []}),
    "RegisterPullTimeUpdateExclusion": Sample({"principalArn": ABSENT["role"]}),
    "SetRepositoryPolicy": _in_registry({"policyText": "{}"}),
    "TagResource": Sample({"resourceArn": ABSENT["repository"], "tags": _TAG}),
    "UntagResource": Sample({"resourceArn": ABSENT["repository"], "tagKeys": ["team"]}),
    "UpdateRepositoryCreationTemplate": Sample({"prefix": "absent"}),
    "UpdateRepositoryCreationTemplate+policies": Sample({"prefix": "absent", **_POLICIES}),
    "UpdateRepositoryCreationTemplate+role": Sample({"prefix": "absent", **_CUSTOM_ROLE}),
    "UploadLayerPart": _in_registry({"uploadId": UPLOAD, "partFirstByte": 0, "partLastByte": 2, "layerPartBlob": "YWJj"}),
}

CLOUDTRAIL: Mapping[str, Sample] = {"LookupEvents": Sample()}

ASSUMABLE = f"{_IAM}role/assumable"
_ASSUME = {"RoleArn": ASSUMABLE, "RoleSessionName": "matrix", "DurationSeconds": 43_200}
"""Longer than the role allows."""
_OF_ROLE = {"role": ASSUMABLE}
_FLAT_TAG = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "a"}
_GUEST = {"Name": "guest", "Policy": "no policy"}

STS: Mapping[str, Sample] = {
    "AssumeRole": Sample(_ASSUME, _OF_ROLE),
    "AssumeRole+source": Sample({**_ASSUME, "SourceIdentity": "somebody"}, _OF_ROLE),
    "AssumeRole+tags": Sample({**_ASSUME, **_FLAT_TAG}, _OF_ROLE),
    "AssumeRoleWithWebIdentity": Sample(
        {"RoleArn": ASSUMABLE, "RoleSessionName": "matrix", "WebIdentityToken": "no token"}, _OF_ROLE
    ),
    "DecodeAuthorizationMessage": Sample({"EncodedMessage": "no message"}),
    "GetAccessKeyInfo": Sample({"AccessKeyId": "AKIAABSENTABSENTABSE"}),
    "GetCallerIdentity": Sample(),
    "GetFederationToken": Sample(_GUEST),
    "GetFederationToken+tags": Sample({**_GUEST, **_FLAT_TAG}),
    "GetSessionToken": Sample({"DurationSeconds": 900}),
}

_PATH = {"Path": "/made/"}
_TEXT = {"PolicyDocument": "no policy"}
_UNTAG = {"TagKeys.member.1": "team"}
_USER = {"UserName": "absent"}
_GROUP = {"GroupName": "absent"}
_ROLE = {"RoleName": "absent"}
_POLICY = {"PolicyArn": ABSENT["policy"]}
_PROFILE = {"InstanceProfileName": "absent"}
_PROVIDER = {"OpenIDConnectProviderArn": ABSENT["oidc-provider"]}
_INLINE = {"PolicyName": "inline"}
_ATTACHED = {"PolicyArn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}
_BOUNDED = {"PermissionsBoundary": _ATTACHED["PolicyArn"]}
_SOURCE = {"PolicySourceArn": ABSENT["user"]}
_PASSWORD = {"Password": "A-long-passw0rd!"}
_LINKED = "replication.ecr.amazonaws.com"
_TASK = f"task/aws-service-role/{_LINKED}/AWSServiceRoleForECRReplication/{UPLOAD}"


def _made(name: str, **more: str) -> Mapping[str, Sample]:
    """A creation of what is there already, with tags and without."""
    plain = {**_PATH, **more}
    return {name: Sample(plain, _TAKEN), f"{name}+tags": Sample({**plain, **_FLAT_TAG}, _TAKEN)}


def _on(parameters: Mapping[str, Any], *names: str, **more: Any) -> Mapping[str, Sample]:
    """The same request for several operations."""
    return {name: Sample({**parameters, **more}) for name in names}


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "' + ACCOUNT + '"}, '
    '"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}]}'
)
KEY_OF_HOLDER = "HOLDER"
"""Stands for the access key of the user `holder`."""

IAM: Mapping[str, Sample] = {
    **_made("CreateUser", UserName="taken"),
    **_made("CreateRole", RoleName="taken", AssumeRolePolicyDocument=TRUST),
    **_made("CreatePolicy", PolicyName="taken", PolicyDocument=TRUST.replace('"Principal": {"AWS": "' + ACCOUNT + '"}, ', "")),
    **_made("CreateInstanceProfile", InstanceProfileName="taken"),
    "CreateGroup": Sample({**_PATH, "GroupName": "taken"}, _TAKEN),
    "CreateOpenIDConnectProvider": Sample({"Url": "https://taken.example.com"}, _TAKEN),
    "CreateOpenIDConnectProvider+tags": Sample({"Url": "https://taken.example.com", **_FLAT_TAG}, _TAKEN),
    "CreateAccountAlias": Sample({"AccountAlias": "taken"}),
    "DeleteAccountAlias": Sample({"AccountAlias": "absent"}),
    "ChangePassword": Sample({"OldPassword": "A-long-passw0rd?", "NewPassword": "A-long-passw0rd!"}, {"user": OWN}),
    "GetAccessKeyLastUsed": Sample({"AccessKeyId": KEY_OF_HOLDER}, {"user": f"{_IAM}user/holder"}),
    "SimulateCustomPolicy": Sample({"PolicyInputList.member.1": "no policy", "ActionNames.member.1": "ecr:PutImage"}),
    "GetContextKeysForCustomPolicy": Sample({"PolicyInputList.member.1": "no policy"}),
    "SimulatePrincipalPolicy": Sample({**_SOURCE, "ActionNames.member.1": "ecr:PutImage"}),
    "GetContextKeysForPrincipalPolicy": Sample(_SOURCE),
    "CreateServiceLinkedRole": Sample({"AWSServiceName": _LINKED}),
    "DeleteServiceLinkedRole": Sample({"RoleName": "assumable"}, {"service-linked-role": ASSUMABLE}),  # which is none
    "GetServiceLinkedRoleDeletionStatus": Sample({"DeletionTaskId": _TASK}),
    **_on({}, "GetAccountAuthorizationDetails", "GetAccountSummary", "GetAccountPasswordPolicy", "ListAccountAliases"),
    **_on({}, "ListGroups", "ListInstanceProfiles", "ListOpenIDConnectProviders", "ListPolicies", "ListRoles", "ListUsers"),
    **_on({}, "ListVirtualMFADevices"),
    **_on(_USER, "CreateAccessKey", "DeleteLoginProfile", "DeleteUser", "DeleteUserPermissionsBoundary", "GetLoginProfile"),
    **_on(_USER, "GetUser", "ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser", "ListMFADevices"),
    **_on(_USER, "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates", "ListUserPolicies"),
    **_on(_USER, "ListUserTags", "UpdateUser"),
    **_on(_USER, "DeleteAccessKey", AccessKeyId="AKIAABSENTABSENTABSE"),
    **_on(_USER, "UpdateAccessKey", AccessKeyId="AKIAABSENTABSENTABSE", Status="Inactive"),
    **_on({**_USER, **_PASSWORD}, "CreateLoginProfile", "UpdateLoginProfile"),
    **_on({**_USER, **_ATTACHED}, "AttachUserPolicy", "DetachUserPolicy"),
    **_on({**_USER, **_BOUNDED}, "PutUserPermissionsBoundary"),
    **_on({**_USER, **_INLINE}, "DeleteUserPolicy", "GetUserPolicy"),
    **_on({**_USER, **_INLINE, **_TEXT}, "PutUserPolicy"),
    **_on({**_USER, **_FLAT_TAG}, "TagUser"),
    **_on({**_USER, **_UNTAG}, "UntagUser"),
    **_on(_GROUP, "DeleteGroup", "GetGroup", "ListAttachedGroupPolicies", "ListGroupPolicies", "UpdateGroup"),
    **_on({**_GROUP, **_USER}, "AddUserToGroup", "RemoveUserFromGroup"),
    **_on({**_GROUP, **_ATTACHED}, "AttachGroupPolicy", "DetachGroupPolicy"),
    **_on({**_GROUP, **_INLINE}, "DeleteGroupPolicy", "GetGroupPolicy"),
    **_on({**_GROUP, **_INLINE, **_TEXT}, "PutGroupPolicy"),
    **_on(_ROLE, "DeleteRole", "DeleteRolePermissionsBoundary", "GetRole", "ListAttachedRolePolicies", "ListRolePolicies"),
    **_on(_ROLE, "ListInstanceProfilesForRole", "ListRoleTags", "UpdateRole"),
    **_on({**_ROLE, **_ATTACHED}, "AttachRolePolicy", "DetachRolePolicy"),
    **_on({**_ROLE, **_BOUNDED}, "PutRolePermissionsBoundary"),
    **_on({**_ROLE, **_INLINE}, "DeleteRolePolicy", "GetRolePolicy"),
    **_on({**_ROLE, **_INLINE, **_TEXT}, "PutRolePolicy"),
    **_on({**_ROLE, **_TEXT}, "UpdateAssumeRolePolicy"),
    **_on({**_ROLE, **_FLAT_TAG}, "TagRole"),
    **_on({**_ROLE, **_UNTAG}, "UntagRole"),
    **_on({**_ROLE, "Description": "changed"}, "UpdateRoleDescription"),
    **_on(_POLICY, "DeletePolicy", "GetPolicy", "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions"),
    **_on({**_POLICY, **_TEXT}, "CreatePolicyVersion"),
    **_on({**_POLICY, "VersionId": "v1"}, "DeletePolicyVersion", "GetPolicyVersion", "SetDefaultPolicyVersion"),
    **_on({**_POLICY, **_FLAT_TAG}, "TagPolicy"),
    **_on({**_POLICY, **_UNTAG}, "UntagPolicy"),
    **_on(_PROFILE, "DeleteInstanceProfile", "GetInstanceProfile", "ListInstanceProfileTags"),
    **_on({**_PROFILE, **_ROLE}, "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"),
    **_on({**_PROFILE, **_FLAT_TAG}, "TagInstanceProfile"),
    **_on({**_PROFILE, **_UNTAG}, "UntagInstanceProfile"),
    **_on(_PROVIDER, "DeleteOpenIDConnectProvider", "GetOpenIDConnectProvider", "ListOpenIDConnectProviderTags"),
    **_on(_PROVIDER, "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider", ClientID="client"),
    **_on({**_PROVIDER, "ThumbprintList.member.1": "a" * 40}, "UpdateOpenIDConnectProviderThumbprint"),
    **_on({**_PROVIDER, **_FLAT_TAG}, "TagOpenIDConnectProvider"),
    **_on({**_PROVIDER, **_UNTAG}, "UntagOpenIDConnectProvider"),
}

_V2 = "/v2/absent/app"
OCI: Mapping[str, Ask] = {
    "GET /v2/": Ask("GET", "/v2/"),
    "GET /v2/_catalog": Ask("GET", "/v2/_catalog"),
    "GET tags/list": Ask("GET", f"{_V2}/tags/list"),
    "GET referrers": Ask("GET", f"{_V2}/referrers/{DIGEST}"),
    "GET manifests": Ask("GET", f"{_V2}/manifests/1"),
    "HEAD manifests": Ask("HEAD", f"{_V2}/manifests/1"),
    "PUT manifests": Ask("PUT", f"{_V2}/manifests/1", body=b"{}"),
    "DELETE manifests": Ask("DELETE", f"{_V2}/manifests/{DIGEST}"),
    "GET blobs": Ask("GET", f"{_V2}/blobs/{DIGEST}"),
    "HEAD blobs": Ask("HEAD", f"{_V2}/blobs/{DIGEST}"),
    "DELETE blobs": Ask("DELETE", f"{_V2}/blobs/{DIGEST}"),
    "POST uploads": Ask("POST", f"{_V2}/blobs/uploads/"),
    "POST uploads+mount": Ask("POST", "/v2/target/app/blobs/uploads/", {"from": "source/app", "mount": DIGEST}),
    "GET upload": Ask("GET", f"{_V2}/blobs/uploads/{UPLOAD}"),
    "PATCH upload": Ask("PATCH", f"{_V2}/blobs/uploads/{UPLOAD}", body=b"abc"),
    "PUT upload": Ask("PUT", f"{_V2}/blobs/uploads/{UPLOAD}", {"digest": DIGEST}),
    "DELETE upload": Ask("DELETE", f"{_V2}/blobs/uploads/{UPLOAD}"),
}
OCI_NAMES: Mapping[str, Mapping[str, str]] = {"POST uploads+mount": {"repository": f"{_ECR}target/app"}}
