"""Conditions on what a request does not name: tags of images that are pulled by digest or brought back, tags of repositories."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.http import push
from tests.e2e.images import Content, index, small
from tests.e2e.people import DEFAULT, OTHER, PULL, Person, Town, allow, arn_of, deny
from tests.e2e.server import Server

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def town(connection: str) -> Iterator[Town]:
    """An installation with one worker."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    opened = Town(server)
    yield opened
    opened.close()
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


def tagged(pattern: str, operator: str = "StringLike") -> dict[str, Any]:
    return {operator: {"moorage:ImageTag": pattern}}


def pulls(person: Person, name: str, *contents: Content) -> list[bool]:
    """Whether the person may pull each by its digest; that both doors and each of two requests agree is asserted."""
    session, ecr = person.sign_in(), person.client()

    def by_api(content: Content) -> bool:
        try:
            ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": content.digest}])
        except ClientError as error:
            return error.response["Error"]["Code"] != "AccessDeniedException"
        return True

    found = []
    for content in contents:
        path = f"/v2/{name}/manifests/{content.digest}"
        answers = {session.get(path).status_code, session.get(path).status_code, session.head(path).status_code}
        assert answers == ({200} if by_api(content) else {403})
        found.append(answers == {200})
    return found


def test_a_pull_by_digest_is_decided_with_the_tags_of_the_image(town: Town) -> None:
    name, root = town.repository(), town.root_session()
    dev, prod, both, bare = (small(each) for each in ("dev", "prod", "both", "bare"))
    push(root, name, dev, "dev-1")
    push(root, name, prod, "prod-1")
    push(root, name, both, "dev-2", "prod-2")
    push(root, name, bare)
    every = (dev, prod, both, bare)
    person = town.person(allow(PULL), deny("ecr:BatchGetImage", Condition=tagged("prod-*")))
    assert pulls(person, name, *every) == [True, False, False, True], "a denied tag on it denies"
    person.may(allow(PULL, Condition=tagged("dev-*")))
    assert pulls(person, name, *every) == [True, False, True, False], "an allowed tag on it allows"
    person.may(allow(PULL, Condition=tagged("dev-*", "StringLikeIfExists")))
    assert pulls(person, name, *every) == [True, False, True, True], "parts of an index have no tag"
    person.may(allow(PULL, Condition=tagged("dev-*", "ForAllValues:StringLike")))
    assert pulls(person, name, *every) == [True, False, False, True], "every tag on it must be allowed"
    person.may(allow(PULL), deny("ecr:BatchGetImage", Condition=tagged("dev-*", "StringNotLike")))
    assert pulls(person, name, *every) == [True, False, True, False], "nothing that is no dev image"


def test_a_tag_that_moves_takes_the_right_to_pull_its_digest_with_it(town: Town) -> None:
    name, root = town.repository(), town.root_session()
    first, second = small("first"), small("second")
    push(root, name, first, "dev-1")
    person = town.person(allow(PULL, Condition=tagged("dev-*")))
    assert pulls(person, name, first) == [True]
    push(root, name, second, "dev-1")
    assert pulls(person, name, first, second) == [False, True]


def test_an_undelete_brings_back_no_image_below_with_a_tag_that_may_not_be_put(town: Town) -> None:
    name, root = town.repository(), town.root_session()
    child = small("child")
    both = index(child, small("other child"))
    push(root, name, both, "dev-1")
    push(root, name, child, "prod-1")
    for content in (both, child):
        assert root.delete(f"/v2/{name}/manifests/{content.digest}").status_code == 202
    wanted = {"repository": name, "digest": both.digest}
    person = town.person(allow("moorage:UndeleteImage", arn_of(name), Condition=tagged("dev-*", "StringLikeIfExists")))
    assert person.api().ask("POST", "/images/undelete", wanted).code == "AccessDenied"
    assert "prod-1" not in root.get(f"/v2/{name}/tags/list").text
    person.may(allow("moorage:UndeleteImage", arn_of(name), Condition=tagged("*-1", "StringLikeIfExists")))
    assert person.api().ask("POST", "/images/undelete", wanted).status == 200
    assert root.get(f"/v2/{name}/tags/list").json()["tags"] == ["dev-1", "prod-1"]


def test_a_rollback_brings_back_no_image_below_that_may_not_be_pushed(town: Town) -> None:
    name, root = town.repository(), town.root_session()
    child = small("arm child", architecture="arm64")
    push(root, name, index(child), "dev-1")
    push(root, name, small("newer"), "dev-1")
    for content in (index(child), child):
        assert root.delete(f"/v2/{name}/manifests/{content.digest}").status_code == 202
    wanted = {"repository": name, "tag": "dev-1"}
    person = town.person(allow("ecr:PutImage", Condition=tagged("dev-*")))
    assert person.api().ask("POST", "/tags/rollback", wanted).code == "AccessDenied"
    person.may(allow("ecr:PutImage", Condition=tagged("dev-*", "StringLikeIfExists")))
    assert person.api().ask("POST", "/tags/rollback", wanted).document["brought_back"]


@pytest.mark.parametrize("account", [DEFAULT, OTHER])
def test_a_repository_made_anew_is_not_for_whoever_might_have_the_old_one(town: Town, account: str) -> None:
    name, root = town.repository(), town.root_session()
    arn = arn_of(name)
    of_dev = {"StringEquals": {"ecr:ResourceTag/env": "dev"}}
    person = town.person(allow(PULL) if account == OTHER else allow(PULL, Condition=of_dev), account=account)
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": PULL, "Condition": of_dev}
    session, other = person.sign_in(DEFAULT), town.person(allow(PULL)).sign_in()

    def fill(environment: str) -> list[str]:
        """Paths of its image by tag and of that image's config, which others have pulled before."""
        town.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "env", "Value": environment}])
        town.ecr.set_repository_policy(repositoryName=name, policyText=json.dumps({"Statement": [statement]}))
        content = small(environment)
        push(root, name, content, "1.0")
        paths = [f"/v2/{name}/manifests/1.0", *(f"/v2/{name}/blobs/{each.digest}" for each in content.blobs)]
        assert {other.get(path).status_code for path in paths * 3} == {200}
        return paths

    assert {session.get(path).status_code for path in fill("dev") * 3} == {200}
    town.ecr.delete_repository(repositoryName=name, force=True)
    town.ecr.create_repository(repositoryName=name)
    assert {session.get(path).status_code for path in fill("prod") * 3} == {403}
