import pytest
import sqlalchemy as sa

from moorage.core.errors import InvalidParameterError
from moorage.repositories import store
from moorage.repositories.errors import RepositoryAlreadyExistsError, RepositoryNotFoundError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.journal import audit, events
from moorage.storage.database.schema.repositories import repositories, resource_tags, usage
from tests.unit.ground import ACCOUNT, Ground


def test_a_repository_is_described_as_it_was_created(ground: Ground) -> None:
    created = ground.do(
        "CreateRepository",
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "1234"},
        tags=[{"Key": "team", "Value": "red"}],
    )["repository"]
    assert created["repositoryArn"] == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    assert created["repositoryUri"] == "localhost:5000/team/app"
    assert (created["createdAt"], created["registryId"]) == (ground.clock.now(), ACCOUNT)
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert created["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "latest"}]
    assert created["encryptionConfiguration"]["kmsKey"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"
    ground.clock.advance(1000)
    assert ground.do("DescribeRepositories")["repositories"] == [created]
    assert ground.do("DescribeRepositories", repositoryNames=["team/app", "team/app"])["repositories"] == [created]
    assert [tuple(row)[1:] for row in ground.rows(sa.select(resource_tags))] == [("team", "red")]


OTHERS_KEY = "arn:aws:kms:us-east-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("AES256", None)),
        ({"encryptionType": "AES256"}, ("AES256", None)),
        ({"encryptionType": "KMS"}, ("KMS", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/ecr")),
        ({"encryptionType": "KMS", "kmsKey": "alias/mine"}, ("KMS", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine")),
        ({"encryptionType": "KMS", "kmsKey": OTHERS_KEY}, ("KMS", OTHERS_KEY)),
    ],
)
def test_a_key_is_shown_as_an_arn(ground: Ground, given: dict[str, str], expected: tuple[str, str | None]) -> None:
    params = {"encryptionConfiguration": given} if given else {}
    shown = ground.do("CreateRepository", repositoryName="app", **params)["repository"]["encryptionConfiguration"]
    assert (shown["encryptionType"], shown["kmsKey"]) == expected


def test_a_key_does_not_go_with_aes256(ground: Ground) -> None:
    with pytest.raises(InvalidParameterError):
        ground.repository(encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "k"})


def test_a_name_that_is_taken_is_refused_and_nothing_is_recorded(ground: Ground, repository: Repository) -> None:
    before = ground.count(events), ground.count(audit)
    with pytest.raises(RepositoryAlreadyExistsError):
        ground.do("CreateRepository", repositoryName=repository.name, imageTagMutability="IMMUTABLE")
    assert (ground.count(events), ground.count(audit)) == before
    assert ground.find_repository(repository.name) == repository


def test_the_same_name_may_exist_in_another_registry(ground: Ground, repository: Repository) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        ground.write(lambda tx: store.insert(tx, ground.registry, repository, "me", {}))
    assert ground.count(usage) == ground.count(repositories) == 1


def test_creation_is_an_event_and_an_audit_row_of_its_transaction(ground: Ground) -> None:
    ground.repository("app")
    event = ground.rows(sa.select(events))[0]
    assert (event.kind, event.detail) == ("Moorage Repository Created", '{"repository-name": "app"}')
    row = ground.rows(sa.select(audit))[0]
    assert (row.event_name, row.resource) == ("CreateRepository", ground.registry.repository_arn("app"))


def test_repositories_are_listed_in_pages_by_the_bytes_of_their_names(ground: Ground) -> None:
    names = ["b", "a-b", "a/b", "a0", "a_b", "zz", "ab"]
    for name in names:
        ground.repository(f"x{name}")
    seen: list[str] = []
    token: str | None = None
    while True:
        params = {"nextToken": token} if token else {}
        page = ground.do("DescribeRepositories", maxResults=2, **params)
        assert len(page["repositories"]) <= 2
        seen += [entry["repositoryName"] for entry in page["repositories"]]
        token = page["nextToken"]
        if token is None:
            break
    assert seen == sorted(f"x{name}" for name in names)


def test_a_page_that_ends_the_list_has_no_next(ground: Ground) -> None:
    ground.repository("one/a")
    ground.repository("one/b")
    assert ground.do("DescribeRepositories", maxResults=2)["nextToken"] is None


def test_named_repositories_are_all_or_nothing(ground: Ground, repository: Repository) -> None:
    with pytest.raises(RepositoryNotFoundError) as refused:
        ground.do("DescribeRepositories", repositoryNames=[repository.name, "absent"])
    assert refused.value.message == f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"


@pytest.mark.parametrize("member", [{"maxResults": 1}, {"nextToken": "x"}])
def test_names_do_not_go_with_pages(ground: Ground, repository: Repository, member: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError):
        ground.do("DescribeRepositories", repositoryNames=[repository.name], **member)


def test_an_invented_page_token_is_refused(ground: Ground) -> None:
    with pytest.raises(InvalidParameterError, match="nextToken"):
        ground.do("DescribeRepositories", nextToken="invented")


@pytest.mark.parametrize(
    "key",
    [
        "no good key!!",
        "\u00e9",
        "a\nb",
        "alias/",
        "arn:aws:s3:::bucket",
        "arn:aws:kms:eu-west-1:999999999999:key/1",
        "arn:aws:kms:us-east-1:1:key/x",
    ],
)
def test_what_is_no_key_of_this_region_is_refused(ground: Ground, key: str) -> None:
    with pytest.raises(InvalidParameterError, match="kmsKey"):
        ground.repository(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key})
