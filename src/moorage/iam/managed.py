"""AWS's own managed policies (AWS managed policy reference): those of ECR and ECR Public, and a few that everybody expects.

Only these are here: for services that this server does not have, policies would be promises that nothing keeps. Each is
there in its newest version that was seen, with that version's id; older versions are not.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from moorage.core.clock import SECOND, Timestamp

_PUSH_AND_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
_READ = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
)
_UPLOAD = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
_PUBLIC_READ = (
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:GetRepositoryPolicy",
    "ecr-public:DescribeRepositories",
    "ecr-public:DescribeRegistries",
    "ecr-public:DescribeImages",
    "ecr-public:DescribeImageTags",
    "ecr-public:GetRepositoryCatalogData",
    "ecr-public:GetRegistryCatalogData",
)


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy of AWS's, the same in every account."""

    arn: str
    id: str
    """`ANPA…`, derived from the ARN; another one than at AWS."""
    name: str
    path: str
    """Begins and ends with a slash."""
    description: str
    version: str
    """The id of its only version here, which is the default one, such as `v3`."""
    text: str
    """The document."""
    created_at: Timestamp
    """The day on which AWS published its first version."""

    @property
    def for_service(self) -> bool:
        """Whether only a service's own role may have it attached (IAM: PolicyNotAttachable)."""
        return self.path == "/aws-service-role/"


def _allow(actions: Sequence[str], resource: str = "*", condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return statement if condition is None else {**statement, "Condition": condition}


def _managed(
    name: str, day: str, version: str, description: str, *statements: dict[str, Any], path: str = "/"
) -> ManagedPolicy:
    arn = f"arn:aws:iam::aws:policy{path}{name}"
    return ManagedPolicy(
        arn=arn,
        id="ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17],
        name=name,
        path=path,
        description=description,
        version=version,
        text=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2),
        created_at=Timestamp(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * SECOND),
    )


_OF_ECR = (
    _managed(
        "AmazonEC2ContainerRegistryFullAccess",
        "2015-12-21",
        "v3",
        "Provides administrative access to Amazon ECR resources",
        _allow(("ecr:*", "cloudtrail:LookupEvents")),
        _allow(
            ("iam:CreateServiceLinkedRole",),
            condition={"StringEquals": {"iam:AWSServiceName": ["replication.ecr.amazonaws.com"]}},
        ),
    ),
    _managed(
        "AmazonEC2ContainerRegistryPowerUser",
        "2015-12-21",
        "v3",
        "Allows to push to and pull from ECR repositories, but not to delete them or change their policies.",
        _allow((*_READ, *(f"ecr:{action}" for action in _UPLOAD))),
    ),
    _managed(
        "AmazonEC2ContainerRegistryReadOnly",
        "2015-12-21",
        "v3",
        "Provides read-only access to Amazon EC2 Container Registry repositories.",
        _allow(_READ),
    ),
    _managed(
        "AmazonEC2ContainerRegistryPullOnly",
        "2024-10-08",
        "v1",
        "Provides access to pull images from Amazon ECR repositories.",
        _allow(
            ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage")
        ),
    ),
    _managed(
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "2021-11-26",
        "v3",
        "Allows ECR to fill repositories from upstream registries.",
        _allow((*_PUSH_AND_PULL, "ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus")),
        _allow(
            ("secretsmanager:GetSecretValue",),
            "arn:aws:secretsmanager:*:*:secret:ecr-pullthroughcache/*",
            {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
        ),
        path="/aws-service-role/",
    ),
    _managed(
        "ECRReplicationServiceRolePolicy",
        "2020-12-04",
        "v1",
        "Allows ECR to replicate images.",
        _allow(("ecr:CreateRepository", "ecr:ReplicateImage")),
        path="/aws-service-role/",
    ),
    _managed(
        "ECRTemplateServiceRolePolicy",
        "2024-06-19",
        "v1",
        "Allows ECR to create repositories from templates.",
        _allow(("ecr:CreateRepository",)),
        path="/aws-service-role/",
    ),
)
_OF_ECR_PUBLIC = (
    _managed(
        "AmazonElasticContainerRegistryPublicFullAccess",
        "2020-12-01",
        "v1",
        "Provides administrative access to Amazon ECR Public resources",
        _allow(("ecr-public:*", "sts:GetServiceBearerToken")),
    ),
    _managed(
        "AmazonElasticContainerRegistryPublicPowerUser",
        "2020-12-01",
        "v1",
        "Allows to push to and read ECR Public repositories, but not to delete them or change their policies.",
        _allow((*_PUBLIC_READ, *(f"ecr-public:{action}" for action in _UPLOAD))),
    ),
    _managed(
        "AmazonElasticContainerRegistryPublicReadOnly",
        "2020-12-01",
        "v1",
        "Provides read-only access to Amazon ECR Public repositories.",
        _allow(_PUBLIC_READ),
    ),
)
_OF_THOSE_WHO_PULL = (
    _managed(
        "AmazonECSTaskExecutionRolePolicy",
        "2017-11-16",
        "v1",
        "Provides access to other AWS service resources that are required to run Amazon ECS tasks",
        _allow(
            (
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
            )
        ),
        path="/service-role/",
    ),
    _managed(
        "AmazonEKSWorkerNodePolicy",
        "2018-05-27",
        "v3",
        "Allows Amazon EKS worker nodes to connect to Amazon EKS clusters.",
        _allow(
            (
                "ec2:DescribeInstances",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVolumes",
                "ec2:DescribeVolumesModifications",
                "ec2:DescribeVpcs",
                "eks:DescribeCluster",
                "eks-auth:AssumeRoleForPodIdentity",
            )
        ),
    ),
    _managed(
        "AmazonEKSWorkerNodeMinimalPolicy",
        "2024-10-03",
        "v1",
        "Allows Amazon EKS worker nodes to connect to Amazon EKS clusters, with as little as that needs.",
        _allow(("ec2:DescribeInstances", "eks-auth:AssumeRoleForPodIdentity")),
    ),
    _managed(
        "AWSAppRunnerServicePolicyForECRAccess",
        "2021-05-14",
        "v1",
        "Allows AWS App Runner to pull images from ECR.",
        _allow(
            (
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
                "ecr:DescribeImages",
            )
        ),
        path="/service-role/",
    ),
    _managed(
        "EC2InstanceProfileForImageBuilderECRContainerBuilds",
        "2020-12-11",
        "v1",
        "Allows EC2 Image Builder to build container images and push them to ECR.",
        _allow(
            (
                "imagebuilder:GetComponent",
                "imagebuilder:GetContainerRecipe",
                "ecr:GetAuthorizationToken",
                *_PUSH_AND_PULL,
            )
        ),
        _allow(("s3:GetObject",), "arn:aws:s3:::ec2imagebuilder*"),
        _allow(
            ("logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents"),
            "arn:aws:logs:*:*:log-group:/aws/imagebuilder/*",
        ),
    ),
)
_OF_EVERYBODY = (
    _managed(
        "AdministratorAccess",
        "2015-02-06",
        "v1",
        "Provides full access to AWS services and resources.",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    ),
    _managed(
        "IAMFullAccess",
        "2015-02-06",
        "v2",
        "Provides full access to IAM.",
        _allow(("iam:*",)),
    ),
    _managed(
        "IAMReadOnlyAccess",
        "2015-02-06",
        "v4",
        "Provides read only access to IAM.",
        _allow(
            (
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:SimulateCustomPolicy",
                "iam:SimulatePrincipalPolicy",
            )
        ),
    ),
    _managed(
        "IAMUserChangePassword",
        "2016-11-15",
        "v2",
        "Allows an IAM user to change the own password.",
        _allow(("iam:ChangePassword",), "arn:aws:iam::*:user/${aws:username}"),
        _allow(("iam:GetAccountPasswordPolicy",)),
    ),
    _managed(
        "AWSDenyAll",
        "2019-05-01",
        "v1",
        "Denies all access.",
        {"Sid": "DenyAll", "Effect": "Deny", "Action": "*", "Resource": "*"},
    ),
)

MANAGED: Mapping[str, ManagedPolicy] = MappingProxyType(
    {policy.arn: policy for policy in (*_OF_ECR, *_OF_ECR_PUBLIC, *_OF_THOSE_WHO_PULL, *_OF_EVERYBODY)}
)
"""By ARN."""
