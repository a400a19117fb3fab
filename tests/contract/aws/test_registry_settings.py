"""The settings of a registry as boto3 sees them: account settings, exclusions, scanning rules."""

import pytest

from tests.contract.aws.door import ACCOUNT, Door, constraint, refused
from tests.e2e.images import digest, small

ROLE = f"arn:aws:iam::{ACCOUNT}:role"


def test_a_registry_that_replicates_nothing_says_so(door: Door) -> None:
    assert door.call("DescribeRegistry") == {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}


@pytest.mark.parametrize(
    ("name", "default", "other"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V2", "V1"),
        ("BLOB_MOUNTING", "ENABLED", "DISABLED"),
    ],
)
def test_a_setting_has_its_default_until_it_is_put(door: Door, region: str, name: str, default: str, other: str) -> None:
    client = door.client(region)
    for value in (other, default, other):
        assert door.call("GetAccountSetting", door.client(f"{region}x"), name=name) == {"name": name, "value": default}
        assert door.call("PutAccountSetting", client, name=name, value=value) == {"name": name, "value": value}
        assert door.call("GetAccountSetting", client, name=name) == {"name": name, "value": value}


def test_a_value_that_a_setting_never_has_is_refused(door: Door) -> None:
    text = constraint("value", "Member must satisfy enum value set: [ENABLED, DISABLED]")
    with refused("InvalidParameterException", text):
        door.call("PutAccountSetting", name="BLOB_MOUNTING", value="enabled")


def test_without_blob_mounting_a_mount_becomes_an_upload(door: Door, repository: str) -> None:
    blob = small("mounted").blobs[0]
    door.upload(repository, blob.data)
    target = door.new_repository()
    token = door.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]

    def mount(**source: str) -> int:
        query = "&".join(f"{name}={value}" for name, value in {"mount": blob.digest, **source}.items())
        path = f"/v2/{target}/blobs/uploads/?{query}"
        return door.exchange("POST", path, {"Authorization": f"Basic {token}"}, b"").status

    door.call("PutAccountSetting", name="BLOB_MOUNTING", value="DISABLED")
    try:
        assert [mount(), mount(**{"from": repository})] == [202, 202]
        available = door.call("BatchCheckLayerAvailability", repositoryName=target, layerDigests=[blob.digest])["layers"]
        assert available[0]["layerAvailability"] == "UNAVAILABLE"
    finally:
        door.call("PutAccountSetting", name="BLOB_MOUNTING", value="ENABLED")
    assert [mount(**{"from": repository}), mount()] == [201, 201]


def test_a_blob_is_mounted_from_repositories_of_the_same_encryption_only(door: Door) -> None:
    blob = small("encrypted").blobs[0]
    data = blob.data + b"of a repository with a key"
    encrypted = door.new_repository(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"})
    door.upload(encrypted, data)
    token = door.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
    plain = door.new_repository()
    alike = door.new_repository(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"})
    for target, expected in ((plain, 202), (alike, 201)):
        for source in (f"&from={encrypted}", ""):
            path = f"/v2/{target}/blobs/uploads/?mount={digest(data)}{source}"
            assert door.exchange("POST", path, {"Authorization": f"Basic {token}"}, b"").status == expected


def test_exclusions_are_listed_in_pages_ordered_by_arn(door: Door, region: str) -> None:
    client = door.client(region)
    assert door.call("ListPullTimeUpdateExclusions", client) == {"pullTimeUpdateExclusions": []}
    arns = [f"{ROLE}/ci/r{number}" for number in range(5)]
    for arn in reversed(arns):
        made = door.call("RegisterPullTimeUpdateExclusion", client, principalArn=arn)
        assert made["principalArn"] == arn and made["createdAt"].tzinfo is not None
    seen: list[str] = []
    more: dict[str, str] = {}
    pages = 0
    while True:
        page = door.call("ListPullTimeUpdateExclusions", client, maxResults=2, **more)
        seen += page["pullTimeUpdateExclusions"]
        pages += 1
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    assert (seen, pages) == (arns, 3)
    assert door.call("DeregisterPullTimeUpdateExclusion", client, principalArn=arns[0]) == {"principalArn": arns[0]}
    assert door.call("ListPullTimeUpdateExclusions", client)["pullTimeUpdateExclusions"] == arns[1:]


def test_scanning_rules_are_replaced_whole(door: Door, region: str) -> None:
    client = door.client(region)
    fresh = {"registryId": ACCOUNT, "scanningConfiguration": {"scanType": "BASIC", "rules": []}}
    assert door.call("GetRegistryScanningConfiguration", client) == fresh
    rules = [
        {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "prod*", "filterType": "WILDCARD"}]},
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]},
    ]
    wanted = {"scanType": "ENHANCED", "rules": rules}
    assert door.call("PutRegistryScanningConfiguration", client, **wanted) == {"registryScanningConfiguration": wanted}
    assert door.call("GetRegistryScanningConfiguration", client)["scanningConfiguration"] == wanted
    door.call("PutRegistryScanningConfiguration", client, scanType="BASIC", rules=[])
    assert door.call("GetRegistryScanningConfiguration", client) == fresh


def test_what_holds_for_a_repository_is_told_and_unknown_ones_are_failures(door: Door, region: str) -> None:
    client = door.client(region)
    name, flagged = door.new_repository(client), door.new_repository(client)
    set_to = {"scanOnPush": True}
    answer = door.call("PutImageScanningConfiguration", client, repositoryName=flagged, imageScanningConfiguration=set_to)
    assert answer == {"registryId": ACCOUNT, "repositoryName": flagged, "imageScanningConfiguration": set_to}
    found = door.call("DescribeRepositories", client, repositoryNames=[flagged])["repositories"][0]
    assert found["imageScanningConfiguration"] == set_to
    answer = door.call("BatchGetRepositoryScanningConfiguration", client, repositoryNames=[name, "no/such", flagged])
    expected = [
        {
            "repositoryArn": f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{each}",
            "repositoryName": each,
            "scanOnPush": frequency != "MANUAL",
            "scanFrequency": frequency,
            "appliedScanFilters": [],
        }
        for each, frequency in ((name, "MANUAL"), (flagged, "SCAN_ON_PUSH"))
    ]
    code = "REPOSITORY_NOT_FOUND"
    assert answer == {
        "scanningConfigurations": expected,
        "failures": [{"repositoryName": "no/such", "failureCode": code, "failureReason": code}],
    }
    matching = {"filter": name.rpartition("/")[2], "filterType": "WILDCARD"}
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [matching]}]
    door.call("PutRegistryScanningConfiguration", client, rules=rules)
    (entry,) = door.call("BatchGetRepositoryScanningConfiguration", client, repositoryNames=[name])["scanningConfigurations"]
    assert (entry["scanOnPush"], entry["scanFrequency"], entry["appliedScanFilters"]) == (True, "SCAN_ON_PUSH", [matching])
