"""Errors about the settings of a registry, scanning rules and referrers."""

import uuid

from tests.contract.aws.case import Case, Members, absent, always
from tests.contract.aws.door import ACCOUNT, Door, constraint
from tests.e2e.images import digest

_INVALID = "InvalidParameterException"
_VALIDATION = "ValidationException"
_NOT_FOUND = "RepositoryNotFoundException"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/scanner"
_RULE = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
_SUBJECT: Members = {"subjectId": {"imageDigest": digest(b"subject")}}
_FLAG: Members = {"imageScanningConfiguration": {"scanOnPush": True}}
_PRINCIPAL_PATTERN = "^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\\w+=,.@-]+(/[\\w+=,.@-]+)*$"
_NO_PRINCIPAL = constraint("principalArn", f"must satisfy regular expression '{_PRINCIPAL_PATTERN}'")
_TOKEN = constraint("nextToken", "Invalid token")
_SETTINGS = "Member must satisfy enum value set: [BASIC_SCAN_TYPE_VERSION, REGISTRY_POLICY_SCOPE, BLOB_MOUNTING]"

_NOTHING_ASKED = "the request has nothing that could be wrong"
_PUT_ONLY = "what a put refuses can never be read"

# What the model declares for these operations and this server never raises, with the reason.
NEVER_BY = {
    ("DescribeRegistry", _INVALID): _NOTHING_ASKED,
    ("DescribeRegistry", _VALIDATION): _NOTHING_ASKED,
    ("GetRegistryScanningConfiguration", _INVALID): _NOTHING_ASKED,
    ("GetRegistryScanningConfiguration", _VALIDATION): _NOTHING_ASKED,
    ("PutRegistryScanningConfiguration", "BlockedByOrganizationPolicyException"): "there are no organizations",
    ("BatchGetRepositoryScanningConfiguration", _NOT_FOUND): "an unknown repository is an entry of `failures`, as in ECR",
    ("BatchGetRepositoryScanningConfiguration", _VALIDATION): _PUT_ONLY,
    ("PutAccountSetting", "LimitExceededException"): "no quota is documented, and there are three settings",
    ("GetAccountSetting", _VALIDATION): _PUT_ONLY,
    ("RegisterPullTimeUpdateExclusion", _VALIDATION): "an ill-formed ARN is InvalidParameterException",
    ("DeregisterPullTimeUpdateExclusion", _VALIDATION): "an ill-formed ARN is InvalidParameterException",
    ("DeregisterPullTimeUpdateExclusion", "LimitExceededException"): "removing exceeds no quota",
    ("ListPullTimeUpdateExclusions", _VALIDATION): "an ill-formed page is InvalidParameterException",
    ("ListPullTimeUpdateExclusions", "LimitExceededException"): "reading exceeds no quota",
    ("ListImageReferrers", _VALIDATION): "an ill-formed parameter is InvalidParameterException",
    ("ListImageReferrers", "UnableToListUpstreamImageReferrersException"): "there is no pull-through cache",
}


def _full(door: Door, _repository: str) -> tuple[Members, str]:
    client = door.client(f"xx-excl-{uuid.uuid4().hex[:8]}")
    for number in range(100):
        door.call("RegisterPullTimeUpdateExclusion", client, principalArn=f"{_ROLE}-{number}")
    return {"client": client, "principalArn": _ROLE}, "The registry already has 100 pull time update exclusions."


def _excluded(door: Door, _repository: str) -> tuple[Members, str]:
    arn = f"{_ROLE}-{uuid.uuid4().hex}"
    door.call("RegisterPullTimeUpdateExclusion", principalArn=arn)
    text = f"The pull time update exclusion for the principal '{arn}' already exists in the registry with id '{ACCOUNT}'"
    return {"principalArn": arn}, text


def _not_excluded(_door: Door, _repository: str) -> tuple[Members, str]:
    arn = f"{_ROLE}-{uuid.uuid4().hex}"
    text = f"The pull time update exclusion for the principal '{arn}' does not exist in the registry with id '{ACCOUNT}'"
    return {"principalArn": arn}, text


def _enhanced(door: Door, _repository: str) -> tuple[Members, str]:
    client = door.client(f"xx-scan-{uuid.uuid4().hex[:8]}")
    door.call("PutRegistryScanningConfiguration", client, scanType="ENHANCED")
    name = door.new_repository(client)
    return {"client": client, "repositoryName": name, **_FLAG}, "This feature is disabled"


CASES = (
    Case("PutImageScanningConfiguration", _VALIDATION, _enhanced),
    Case("PutAccountSetting", _INVALID, always(constraint("name", _SETTINGS), name="OTHER", value="ENABLED")),
    Case(
        "PutAccountSetting",
        _VALIDATION,
        always(
            "The value CLAIR of BASIC_SCAN_TYPE_VERSION is no longer supported. Use AWS_NATIVE.",
            name="BASIC_SCAN_TYPE_VERSION",
            value="CLAIR",
        ),
    ),
    Case("GetAccountSetting", _INVALID, always(constraint("name", _SETTINGS), name="blob_mounting")),
    Case("RegisterPullTimeUpdateExclusion", _INVALID, always(_NO_PRINCIPAL, principalArn=f"arn:aws:iam::{ACCOUNT}:root")),
    Case("RegisterPullTimeUpdateExclusion", "ExclusionAlreadyExistsException", _excluded),
    Case("RegisterPullTimeUpdateExclusion", "LimitExceededException", _full),
    Case("DeregisterPullTimeUpdateExclusion", _INVALID, always(_NO_PRINCIPAL, principalArn="scanner")),
    Case("DeregisterPullTimeUpdateExclusion", "ExclusionNotFoundException", _not_excluded),
    Case("ListPullTimeUpdateExclusions", _INVALID, always(_TOKEN, nextToken="x")),
    Case(
        "PutRegistryScanningConfiguration",
        _INVALID,
        always(constraint("rules", "Member must have length less than or equal to 2"), rules=[_RULE] * 3),
    ),
    Case(
        "PutRegistryScanningConfiguration",
        _VALIDATION,
        always(
            "The scan frequency CONTINUOUS_SCAN is not supported for the scan type BASIC; supported: SCAN_ON_PUSH.",
            rules=[{**_RULE, "scanFrequency": "CONTINUOUS_SCAN"}],
        ),
    ),
    Case(
        "BatchGetRepositoryScanningConfiguration",
        _INVALID,
        always(
            constraint("repositoryNames", "Member must have length greater than or equal to 1"),
            repositoryNames=[],
        ),
    ),
    Case(
        "PutImageScanningConfiguration",
        _INVALID,
        always(constraint("repositoryName", "Member must have length greater than or equal to 2"), repositoryName="x"),
    ),
    Case("PutImageScanningConfiguration", _NOT_FOUND, absent(**_FLAG)),
    Case("ListImageReferrers", _INVALID, always(_TOKEN, **_SUBJECT, nextToken="x")),
    Case("ListImageReferrers", _NOT_FOUND, absent(**_SUBJECT)),
)

# A request that would succeed, but for the repository's content.
USUAL: dict[str, Members] = {"ListImageReferrers": _SUBJECT, "PutImageScanningConfiguration": _FLAG}
