"""Who may do what on the data plane, and that what is taken away is gone with the next request, on every worker."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.http import Http, assert_holds, codes, push, put_manifest, upload
from tests.e2e.images import index, small
from tests.e2e.people import DEFAULT, OTHER, PULL, PUSH, Person, Town, allow, arn_of, denial, deny, policy
from tests.e2e.server import Server

pytestmark = pytest.mark.ours

WORKERS = 3
NOBODY = "999999999999"


@pytest.fixture(scope="module")
def town(connection: str) -> Iterator[Town]:
    """An installation of two accounts with several workers, whose address is a name, so that every registry has one."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection, settings={"MOORAGE_WORKERS": str(WORKERS)}).named("localhost")
    server.start()
    opened = Town(server)
    yield opened
    opened.close()
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


def message(answer: requests.Response) -> str:
    assert answer.status_code == 403, answer.text
    assert codes(answer) == ["DENIED"]
    return str(answer.json()["errors"][0]["message"])


def filled(town: Town, *tags: str) -> str:
    """A repository with one image."""
    name = town.repository()
    push(town.root_session(), name, small(name), *tags)
    return name


def test_pull_only_pulls_and_pushes_nothing(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person(allow(PULL, arn_of("team/*")))
    session = person.sign_in()
    assert_holds(session, name, small(name), "1.0")
    answer = session.post(f"/v2/{name}/blobs/uploads/")
    assert message(answer) == denial(person.arn, "ecr:InitiateLayerUpload", arn_of(name))
    answer = put_manifest(session, name, small(name), "2.0")
    assert message(answer) == denial(person.arn, "ecr:PutImage", arn_of(name))
    answer = session.get(f"/v2/{name}/tags/list")
    assert message(answer) == denial(person.arn, "ecr:ListImages", arn_of(name))


def test_a_denial_can_be_read_in_full_by_who_may_decode_it(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person(deny("ecr:BatchGetImage", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1"}}))
    answer = person.sign_in().get(f"/v2/{name}/manifests/1.0")
    assert message(answer) == (
        f"User: {person.arn} is not authorized to perform: ecr:BatchGetImage on resource: {arn_of(name)} "
        "with an explicit deny in an identity-based policy"
    )
    ecr = person.client()
    with pytest.raises(ecr.exceptions.ClientError) as caught:
        ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1.0"}])
    of_api = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    sts = town.client("sts", town.root)
    for headers in (answer.headers, of_api):
        sealed = headers["x-moorage-authorization-message"]
        told = json.loads(sts.decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
        assert told["explicitDeny"] and told["context"]["action"] == "ecr:BatchGetImage"
        assert told["context"]["conditions"]["items"] == [
            {"key": "aws:sourceip", "values": {"items": [{"value": "127.0.0.1"}]}}
        ]


def test_push_only_pushes_and_reads_no_manifest(town: Town) -> None:
    name = town.repository()
    person = town.person(allow(PUSH, arn_of(name)))
    session = person.sign_in()
    content = small("pushed")
    push(session, name, content, "1.0")
    assert session.head(f"/v2/{name}/blobs/{content.blobs[0].digest}").status_code == 200
    for _ in range(2):
        answer = session.get(f"/v2/{name}/manifests/1.0")
        assert message(answer) == denial(person.arn, "ecr:BatchGetImage", arn_of(name))
    answer = session.get(f"/v2/{name}/blobs/{content.blobs[0].digest}")
    assert message(answer) == denial(person.arn, "ecr:GetDownloadUrlForLayer", arn_of(name))


def test_without_a_right_nobody_learns_what_there_is(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person()
    session = person.sign_in()
    for repository in (name, "team/absent"):
        for reference in ("1.0", "absent"):
            answer = session.get(f"/v2/{repository}/manifests/{reference}")
            assert message(answer) == denial(person.arn, "ecr:BatchGetImage", arn_of(repository))
    assert session.get("/v2/").status_code == 200


def _detach(town: Town, person: Person) -> int:
    person.may()
    return 403


def _deny(town: Town, person: Person) -> int:
    person.may(allow(PULL), deny("ecr:BatchGetImage"))
    return 403


def _deactivate(town: Town, person: Person) -> int:
    town.iam.update_access_key(UserName=person.name, AccessKeyId=person.key.id, Status="Inactive")
    return 401


def _delete_user(town: Town, person: Person) -> int:
    town.iam.delete_access_key(UserName=person.name, AccessKeyId=person.key.id)
    for name in town.iam.list_user_policies(UserName=person.name)["PolicyNames"]:
        town.iam.delete_user_policy(UserName=person.name, PolicyName=name)
    town.iam.delete_user(UserName=person.name)
    return 401


def _deny_in_repository(town: Town, person: Person) -> int:
    for repository in town.ecr.describe_repositories()["repositories"]:
        name = repository["repositoryName"]
        if name.startswith("revoked/"):
            statement = {key: value for key, value in deny("ecr:BatchGetImage").items() if key != "Resource"}
            text = policy({**statement, "Principal": {"AWS": person.arn}})
            town.ecr.set_repository_policy(repositoryName=name, policyText=text)
    return 403


@pytest.mark.parametrize("revoke", [_detach, _deny, _deactivate, _delete_user, _deny_in_repository])
def test_what_is_taken_away_is_gone_with_the_next_request_on_every_worker(
    town: Town, revoke: Callable[[Town, Person], int]
) -> None:
    """The token was issued long before, and its pulls are answered hot by then."""
    name = town.repository("revoked")
    push(town.root_session(), name, small(name), "1.0")
    person = town.person(allow(PULL))
    first = person.sign_in()
    others = []
    for _ in range(4 * WORKERS):  # each on a connection of its own, so that every worker has some
        session = Http(first.base, "AWS", str(first.auth[1]) if isinstance(first.auth, tuple) else "")
        session.headers["Host"] = first.headers["Host"]
        others.append(session)
    for _ in range(3):
        for session in others:
            assert session.get(f"/v2/{name}/manifests/1.0").status_code == 200
    status = revoke(town, person)
    for session in others:
        assert session.get(f"/v2/{name}/manifests/1.0").status_code == status


def test_what_is_given_back_counts_with_the_next_request(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person()
    session = person.sign_in()
    for _ in range(3):
        assert session.get(f"/v2/{name}/manifests/1.0").status_code == 403
        person.may(allow(PULL))
        assert session.get(f"/v2/{name}/manifests/1.0").status_code == 200
        assert session.get(f"/v2/{name}/manifests/1.0").status_code == 200
        person.may()


def test_a_repository_policy_alone_lets_a_user_of_the_account_in(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person()
    session = person.sign_in()
    assert session.get(f"/v2/{name}/manifests/1.0").status_code == 403
    text = policy({"Effect": "Allow", "Principal": {"AWS": person.arn}, "Action": list(PULL)})
    town.ecr.set_repository_policy(repositoryName=name, policyText=text)
    assert_holds(session, name, small(name), "1.0")
    town.ecr.delete_repository_policy(repositoryName=name)
    assert session.get(f"/v2/{name}/manifests/1.0").status_code == 403


def test_a_user_made_again_has_nothing_of_what_a_policy_gave_to_the_old_one(town: Town) -> None:
    name = filled(town, "1.0")
    old = town.person()
    text = policy({"Effect": "Allow", "Principal": {"AWS": old.arn}, "Action": list(PULL)})
    town.ecr.set_repository_policy(repositoryName=name, policyText=text)
    assert old.sign_in().get(f"/v2/{name}/manifests/1.0").status_code == 200
    user_id = town.iam.get_user(UserName=old.name)["User"]["UserId"]
    _delete_user(town, old)
    assert f'"AWS" : "{user_id}"' in town.ecr.get_repository_policy(repositoryName=name)["policyText"]
    town.iam.create_user(UserName=old.name)
    key = town.iam.create_access_key(UserName=old.name)["AccessKey"]
    again = Person(town, old.name, old.arn, type(old.key)(key["AccessKeyId"], key["SecretAccessKey"]))
    again.may({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})
    assert again.sign_in().get(f"/v2/{name}/manifests/1.0").status_code == 403


def test_even_the_root_is_bound_by_an_explicit_deny(town: Town) -> None:
    name = filled(town, "1.0")
    root = town.root_session()
    assert root.get(f"/v2/{name}/manifests/1.0").status_code == 200
    text = policy({"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"})
    town.ecr.set_repository_policy(repositoryName=name, policyText=text)
    answer = root.get(f"/v2/{name}/manifests/1.0")
    assert message(answer) == (
        f"User: arn:aws:iam::{DEFAULT}:root is not authorized to perform: ecr:BatchGetImage on resource: {arn_of(name)} "
        "with an explicit deny in a resource-based policy"
    )


# --- across accounts ----------------------------------------------------------------------------------------------------


def test_across_accounts_both_sides_must_allow(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person(account=OTHER)
    session = person.sign_in(DEFAULT)

    def get() -> requests.Response:
        return session.get(f"/v2/{name}/manifests/1.0")

    assert message(get()) == denial(person.arn, "ecr:BatchGetImage", arn_of(name))
    person.may(allow((*PULL, *PUSH), arn_of("team/*")))
    assert message(get()) == denial(person.arn, "ecr:BatchGetImage", arn_of(name), "resource-based policy")
    owners = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": [*PULL, *PUSH]}
    town.ecr.set_repository_policy(repositoryName=name, policyText=policy(owners))
    assert_holds(session, name, small(name), "1.0")
    assert_holds(session, name, small(name), "1.0")
    push(session, name, small("from abroad"), "2.0")
    person.may()
    assert message(get()) == denial(person.arn, "ecr:BatchGetImage", arn_of(name))


def test_another_account_does_not_tell_what_there_is(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person(allow("*"), account=OTHER)
    for account in (DEFAULT, NOBODY):
        session = person.sign_in(account)
        for repository in (name, "team/absent"):
            answer = session.get(f"/v2/{repository}/manifests/1.0")
            expected = denial(person.arn, "ecr:BatchGetImage", arn_of(repository, account), "resource-based policy")
            assert message(answer) == expected
            assert session.post(f"/v2/{repository}/blobs/uploads/").status_code == 403
        assert session.get("/v2/_catalog").status_code == 403
        ecr = person.client()
        with pytest.raises(ecr.exceptions.ClientError) as caught:
            ecr.describe_images(registryId=account, repositoryName=name)
        assert caught.value.response["Error"] == {
            "Code": "AccessDeniedException",
            "Message": denial(person.arn, "ecr:DescribeImages", arn_of(name, account), "resource-based policy"),
        }


def test_a_registry_policy_lets_another_account_see_its_repositories(town: Town) -> None:
    name = filled(town, "1.0")
    person = town.person(allow("ecr:*"), account=OTHER)
    session = person.sign_in(DEFAULT)
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "ecr:*", "Resource": arn_of("team/*")}
    town.ecr.put_registry_policy(policyText=policy(statement))
    try:
        assert_holds(session, name, small(name), "1.0")
        assert session.get("/v2/team/absent/manifests/1.0").status_code == 404
    finally:
        town.ecr.delete_registry_policy()
    assert session.get(f"/v2/{name}/manifests/1.0").status_code == 403


# --- what is shown, and what is mounted ---------------------------------------------------------------------------------


def test_the_catalog_shows_what_the_caller_may_describe(town: Town) -> None:
    shown, hidden = town.repository("seen"), town.repository("unseen")
    session = town.person(allow("ecr:DescribeRepositories", arn_of("seen/*"))).sign_in()
    listed = session.get("/v2/_catalog").json()["repositories"]
    assert shown in listed and hidden not in listed and all(name.startswith("seen/") for name in listed)
    nobody = town.person()
    assert message(nobody.sign_in().get("/v2/_catalog")) == denial(nobody.arn, "ecr:DescribeRepositories", arn_of("*"))


def test_a_blob_is_mounted_only_from_what_the_caller_may_read(town: Town) -> None:
    source, target = town.repository(), town.repository()
    digest = upload(town.root_session(), source, source.encode())
    person = town.person(allow(PUSH, arn_of(target)))
    session = person.sign_in()
    for query in (f"mount={digest}&from={source}", f"mount={digest}"):
        assert session.post(f"/v2/{target}/blobs/uploads/?{query}").status_code == 202
    person.may(allow(PUSH, arn_of(target)), allow("ecr:GetDownloadUrlForLayer", arn_of(source)))
    assert session.post(f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}").status_code == 201


# --- conditions ---------------------------------------------------------------------------------------------------------

DEV_ONLY = {"StringLikeIfExists": {"moorage:ImageTag": "dev-*"}}


def _error(call: Callable[..., Any], **members: Any) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - boto3's errors are made at run time
        call(**members)
    return str(getattr(caught.value, "response", {}).get("Error", {}).get("Code", caught.value))


def test_a_pipeline_pushes_dev_tags_and_no_others(town: Town) -> None:
    name = town.repository()
    others = [action for action in PUSH if action != "ecr:PutImage"]
    person = town.person(allow(others), allow("ecr:PutImage", Condition=DEV_ONLY))
    session, ecr, content = person.sign_in(), person.client(), small("dev")
    push(session, name, content, "dev-1")
    for reference in ("prod-1", f"{content.digest}?tag=prod-1", f"{content.digest}?tag=dev-2&tag=prod-1"):
        assert put_manifest(session, name, content, reference).status_code == 403, reference
    assert put_manifest(session, name, content, f"{content.digest}?tag=dev-2&tag=dev-3").status_code == 201
    text = content.manifest.data.decode()
    assert _error(ecr.put_image, repositoryName=name, imageManifest=text, imageTag="prod-1") == "AccessDeniedException"
    ecr.put_image(repositoryName=name, imageManifest=text, imageTag="dev-4")
    listed = town.root_session().get(f"/v2/{name}/tags/list").json()["tags"]
    assert listed == ["dev-1", "dev-2", "dev-3", "dev-4"]


def test_a_rollback_moves_only_tags_that_may_be_pushed(town: Town) -> None:
    name = town.repository()
    root = town.root_session()
    for tag in ("dev-1", "prod-1"):
        push(root, name, small("first"), tag)
        push(root, name, small("second"), tag)
    api = town.person(allow("ecr:PutImage", Condition=DEV_ONLY)).api()
    assert api.ask("POST", "/tags/rollback", {"repository": name, "tag": "prod-1"}).code == "AccessDenied"
    assert api.ask("POST", "/tags/rollback", {"repository": name, "tag": "dev-1"}).status == 200


def test_an_image_is_deleted_only_if_each_of_its_tags_may_be(town: Town) -> None:
    name = town.repository()
    root, content = town.root_session(), small("deleted")
    push(root, name, content, "dev-1", "prod-1")
    person = town.person(allow("ecr:BatchDeleteImage"), deny("ecr:BatchDeleteImage", Condition=_tagged("prod-*")))
    session, ecr = person.sign_in(), person.client()
    assert session.delete(f"/v2/{name}/manifests/{content.digest}").status_code == 403
    by_digest = {"repositoryName": name, "imageIds": [{"imageDigest": content.digest}]}
    assert _error(ecr.batch_delete_image, **by_digest) == "AccessDeniedException"
    by_tags = {"repositoryName": name, "imageIds": [{"imageTag": "dev-1"}, {"imageTag": "prod-1"}]}
    assert _error(ecr.batch_delete_image, **by_tags) == "AccessDeniedException"
    assert session.delete(f"/v2/{name}/manifests/dev-1").status_code == 202
    assert root.delete(f"/v2/{name}/manifests/prod-1").status_code == 202
    assert session.delete(f"/v2/{name}/manifests/{content.digest}").status_code == 202


def _tagged(pattern: str) -> dict[str, Any]:
    return {"StringLike": {"moorage:ImageTag": pattern}}


def test_platforms_are_conditions_of_pushes_and_pulls(town: Town) -> None:
    name = town.repository()
    arm, amd = small("arm", architecture="arm64"), small("amd")
    both = index(amd, arm)
    only_amd = {"ForAllValues:StringEquals": {"moorage:Platform": "linux/amd64"}}
    person = town.person(allow([*PUSH, *PULL]), deny(["ecr:PutImage", "ecr:BatchGetImage"], Condition=_is("linux/arm64")))
    session, root = person.sign_in(), town.root_session()
    push(root, name, both, "both")
    push(root, name, arm, "arm")
    push(root, name, amd, "amd")
    assert [session.get(f"/v2/{name}/manifests/{tag}").status_code for tag in ("amd", "arm", "both")] == [200, 403, 403]
    assert [put_manifest(session, name, each, "new").status_code for each in (amd, arm, both)] == [201, 403, 403]
    person.may(allow(PULL, Condition=only_amd))
    assert [session.get(f"/v2/{name}/manifests/{tag}").status_code for tag in ("amd", "arm", "both")] == [200, 403, 403]


def _is(platform: str) -> dict[str, Any]:
    return {"ForAnyValue:StringEquals": {"moorage:Platform": platform}}


def test_tags_of_repositories_and_addresses_of_clients_are_conditions(town: Town) -> None:
    name = filled(town, "1.0")
    arn = arn_of(name)
    tagged = {"StringEquals": {"ecr:ResourceTag/Stage": "test"}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    session = town.person(allow(PULL, Condition=tagged)).sign_in()

    def get() -> int:
        return session.get(f"/v2/{name}/manifests/1.0").status_code

    assert get() == 403
    town.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "stage", "Value": "test"}])
    assert [get(), get()] == [200, 200]
    town.ecr.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert get() == 403


def test_a_policy_that_reads_the_time_is_decided_each_time(town: Town) -> None:
    name = filled(town, "1.0")
    before = {"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}
    after = {"DateGreaterThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}
    person = town.person(allow(PULL, Condition=before))
    session = person.sign_in()
    assert [session.get(f"/v2/{name}/manifests/1.0").status_code for _ in range(3)] == [200] * 3
    person.may(allow(PULL, Condition=after))
    assert session.get(f"/v2/{name}/manifests/1.0").status_code == 403
