"""Answers that are given before a request is parsed are the ones that would be given after it, or none."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.access.authorize import Warden
from moorage.access.judge import Where
from moorage.audit.recorder import Recorder
from moorage.core import clock
from moorage.core.call import Principal
from moorage.http.distribution.headers import COMMON_HEADERS, manifest_headers
from moorage.http.distribution.hot import LARGEST_BODY, HotAnswers
from moorage.http.facts import Fact
from moorage.http.request_ids import RequestIds
from moorage.identity.credentials import tokens, user_keys
from moorage.identity.credentials.scope import Scope
from moorage.images import store
from moorage.layers import store as layers
from moorage.repositories.model import Repository
from moorage.storage.database.schema.identity import access_keys
from moorage.storage.database.schema.images import images
from moorage.storage.database.schema.journal import audit
from tests.unit.access.people import add_user, policy, resource_policy
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground, config_of, digest_of, manifest_of

ADDRESS = "192.0.2.1"
LINES = b"Host: localhost:5000\r\nAuthorization: Basic x\r\n\r\n"


def head(path: str, method: str = "GET", lines: bytes = LINES) -> bytes:
    return f"{method} {path} HTTP/1.1\r\n".encode() + lines


class Hot:
    """A hot responder over a real database, with one client that it knows."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.recorder = Recorder(ground.database, store.note_pulls, tokens.note_use, user_keys.note_uses)
        self.points = ground.database.point_reader()
        self.warden = Warden(self.points, ground.database, ground.sealer)
        self.answers = HotAnswers(self.points, ground.clock, RequestIds(), self.recorder, self.warden)
        self.bearers = [ROOT]
        password, _ = ground.write(lambda tx: tokens.issue(tx, ROOT, REGION))
        self._bear(password)

    def bear(self, *repositories: str, actions: tuple[str, ...] = ("pull",)) -> None:
        """From now on the client that is learnt bears a token with this scope."""
        scope = Scope.parse(repositories, actions)
        self._bear(self.ground.write(lambda tx: tokens.make(tx, ROOT, REGION, clock.HOUR, name="hot", scope=scope)).password)

    def bear_as(self, user: Principal) -> None:
        """From now on the client that is learnt bears a token of this user."""
        self._bear(self.ground.write(lambda tx: tokens.make_for_user(tx, user.identity_id, REGION, clock.HOUR)).password)

    def _bear(self, password: str) -> None:
        token = tokens.find_token(self.points, tokens.hash_of(password))
        assert token is not None
        self.token = token
        self.bearers.append(token.principal)

    def ask(self, path: str, method: str = "GET", *, address: str = ADDRESS, lines: bytes = LINES) -> bytes | None:
        asyncio.run(self._decide(re.split("/manifests/|/blobs/", path.removeprefix("/v2/"))[0]))
        return self.answers.for_client(address)(head(path, method, lines))

    async def _decide(self, repository: str) -> None:
        """The policies are read, as they are when somebody has gone the ordinary way to the repository."""
        for principal in self.bearers:
            await self.warden.caller(principal)
        await self.warden.place(Where(ACCOUNT, REGION, repository))

    def learn(self, repository: Repository, tag: str, *, lines: bytes = LINES, **scope: Any) -> None:
        """What the ordinary way teaches after it has answered a pull by tag."""
        image = self.ground.read(lambda tx: store.by_tag(tx, repository.id, tag))
        assert image is not None
        body = self.ground.read(lambda tx: store.body(tx, image.digest))
        condition, parameters = store.condition_of(image, tag)
        call = self.ground.call("BatchGetImage", repository.name, principal=self.token.principal)
        fact = Fact(call, self.token, condition, parameters, image.id)
        offered = {"moorage.hot": {"head": head(f"/v2/{repository.name}/manifests/{tag}", lines=lines)}}
        given = {"extensions": offered, "client": (ADDRESS, 1), "headers": [], **scope}
        self.answers.learn(given, fact, {**manifest_headers(image), **COMMON_HEADERS}, body)

    def learn_blob(self, repository: Repository, data: bytes, *, lines: bytes = LINES) -> None:
        """What the ordinary way teaches after it has answered with a small blob."""
        digest = digest_of(data)
        layer = self.ground.layer(repository, digest)
        assert layer is not None
        parameters: dict[str, int | str] = {"repository": repository.id, "blob": layer.blob_id}
        call = self.ground.call("GetDownloadUrlForLayer", repository.name, principal=self.token.principal)
        fact = Fact(call, self.token, layers.STILL_HELD, parameters)
        offered = {"moorage.hot": {"head": head(f"/v2/{repository.name}/blobs/{digest}", lines=lines)}}
        self.answers.learn({"extensions": offered, "client": (ADDRESS, 1), "headers": []}, fact, {}, data)


@pytest.fixture
def hot(ground: Ground) -> Hot:
    return Hot(ground)


def push(ground: Ground, repository: Repository, tag: str, **annotations: str) -> bytes:
    config = config_of()
    ground.push_blob(repository, config)
    body = manifest_of(config, [], annotations=annotations)
    ground.put(repository, body, tag)
    return body


def path(repository: Repository, reference: str) -> str:
    return f"/v2/{repository.name}/manifests/{reference}"


def test_nobody_is_answered_before_they_are_known(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    assert hot.ask(path(repository, "v1")) is None
    hot.learn(repository, "v1")
    assert hot.ask(path(repository, "v1")) is not None
    assert hot.ask(path(repository, "v1"), address="192.0.2.2") is None
    assert hot.ask(path(repository, "v1"), lines=LINES.replace(b"Basic x", b"Basic y")) is None


def test_whoever_is_known_is_answered_whatever_manifest_they_ask_for(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    other = ground.repository("other/app")
    body = push(ground, other, "latest", n="other")
    for reference in ("latest", digest_of(body)):
        answer = hot.ask(path(other, reference))
        assert answer is not None
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\n" + body)
        assert f"docker-content-digest: {digest_of(body)}".encode() in answer
        bare = hot.ask(path(other, reference), "HEAD")
        assert bare is not None and bare.endswith(b"\r\n\r\n") and f"content-length: {len(body)}".encode() in bare


def test_a_tag_that_moved_is_never_answered_as_it_was(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    for number in range(5):
        body = push(ground, repository, "v1", n=str(number))
        for _ in range(2):
            answer = hot.ask(path(repository, "v1"))
            assert answer is not None and answer.endswith(body)


def _remove_tag(ground: Ground, repository: Repository) -> None:
    ground.do("BatchDeleteImage", repositoryName=repository.name, imageIds=[{"imageTag": "v1"}])


def _delete_repository(ground: Ground, repository: Repository) -> None:
    ground.do("DeleteRepository", repositoryName=repository.name, force=True)


def _delete_key(ground: Ground, _repository: Repository) -> None:
    ground.write(lambda tx: tx.execute(sa.delete(access_keys)).rowcount)


def _disable_key(ground: Ground, _repository: Repository) -> None:
    ground.write(lambda tx: tx.execute(sa.update(access_keys).values(active=False)).rowcount)


@pytest.mark.parametrize("change", [_remove_tag, _delete_repository, _delete_key, _disable_key])
def test_what_is_no_longer_there_or_allowed_is_not_answered(
    ground: Ground, hot: Hot, repository: Repository, change: Callable[[Ground, Repository], None]
) -> None:
    body = push(ground, repository, "v1")
    hot.learn(repository, "v1")
    paths = path(repository, "v1"), path(repository, digest_of(body))
    assert all(hot.ask(each) for each in paths)
    change(ground, repository)
    assert [hot.ask(each) for each in paths] == [None, None]


def test_a_repository_made_anew_has_nothing_of_the_old_one(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    assert hot.ask(path(repository, "v1"))
    _delete_repository(ground, repository)
    anew = ground.repository(repository.name)
    assert hot.ask(path(anew, "v1")) is None
    body = push(ground, anew, "v1", n="new")
    answer = hot.ask(path(anew, "v1"))
    assert answer is not None and answer.endswith(body)


ALICE, BOB = (LINES.replace(b"Basic x", b"Basic " + name) for name in (b"alice", b"bob"))


def _of_environment(ground: Ground, name: str, environment: str) -> Repository:
    """A repository whose policy was set once, with this tag."""
    made = ground.repository(name, tags=[{"Key": "env", "Value": environment}])
    ground.do("SetRepositoryPolicy", repositoryName=name, policyText=resource_policy({"AWS": "210987654321"}))
    return made


@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_whoever_might_have_the_old_repository_has_nothing_of_one_made_anew(ground: Ground, hot: Hot, what: str) -> None:
    condition = {"StringEquals": {"ecr:ResourceTag/env": "dev"}}
    alice = add_user(ground, "alice", policy({"Condition": condition}))
    bob = add_user(ground, "bob", policy({}))

    def pull(repository: Repository, lines: bytes) -> bytes | None:
        """Somebody's second pull."""
        if what == "manifests":
            hot.learn(repository, "v1", lines=BOB)
            return hot.ask(path(repository, "v1"), lines=lines)
        hot.learn_blob(repository, config_of(), lines=BOB)
        return hot.ask(f"/v2/{repository.name}/blobs/{digest_of(config_of())}", lines=lines)

    old = _of_environment(ground, "team/again", "dev")
    push(ground, old, "v1")
    hot.bear_as(alice)
    hot.learn(old, "v1", lines=ALICE)
    hot.bear_as(bob)
    assert pull(old, BOB)
    assert pull(old, ALICE)
    _delete_repository(ground, old)
    anew = _of_environment(ground, "team/again", "prod")
    push(ground, anew, "v1", n="secret")
    assert pull(anew, BOB)
    assert pull(anew, ALICE) is None


def test_an_image_that_comes_back_under_another_type_is_shown_under_that(
    ground: Ground, hot: Hot, repository: Repository
) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    assert hot.ask(path(repository, "v1"))
    ground.write(lambda tx: tx.execute(sa.update(images).values(media_type="application/other+json")).rowcount)
    answer = hot.ask(path(repository, "v1"))
    assert answer is not None and b"content-type: application/other+json" in answer


def test_conditional_requests_and_what_is_large_are_not_learnt(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1", headers=[(b"if-none-match", b"x")])
    hot.learn(repository, "v1", extensions={})
    assert hot.ask(path(repository, "v1")) is None
    large = push(ground, repository, "large", n="x" * LARGEST_BODY)
    assert len(large) > LARGEST_BODY
    hot.learn(repository, "large")
    assert hot.ask(path(repository, "large")) is None
    hot.learn(repository, "v1")
    assert hot.ask(path(repository, "large")) is None


@pytest.mark.parametrize(
    "odd",
    ["/v2/team/app/manifests/v1?x=1", "/v2/team/app/manifests/", "/v2/team/app/tags/list", "/v2/../app/manifests/v1", "/v2/"],
)
def test_other_paths_go_the_ordinary_way(ground: Ground, hot: Hot, repository: Repository, odd: str) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    assert hot.ask(odd) is None


def test_what_is_answered_is_recorded_with_its_number(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.learn(repository, "v1")
    for method in ("GET", "GET", "GET", "HEAD"):
        assert hot.ask(path(repository, "v1"), method)
    ground.clock.advance(clock.MINUTE)
    hot.answers.report()
    hot.recorder.close()
    rows = ground.rows(sa.select(audit).where(audit.c.event_name == "BatchGetImage"))
    assert sum(row._mapping["count"] for row in rows) == 4
    assert {row.resource for row in rows} == {ground.registry.repository_arn(repository.name)}
    assert ground.rows(sa.select(images.c.last_pulled_at))[0].last_pulled_at == ground.clock.now()
    hot.answers.report()
    assert len(ground.rows(sa.select(audit.c.id).where(audit.c.event_name == "BatchGetImage"))) == len(rows)


def test_a_token_with_a_scope_gets_no_answer_outside_it(ground: Ground, hot: Hot, repository: Repository) -> None:
    other = ground.repository("other/app")
    push(ground, repository, "v1")
    push(ground, repository, "v2", n="2")
    push(ground, other, "v1", n="3")
    hot.learn(repository, "v1")
    assert hot.ask(path(other, "v1")), "what nobody asked for is looked up for whom the scope allows it"
    theirs = LINES.replace(b"Basic x", b"Basic scoped")
    hot.bear("team/*")
    hot.learn(repository, "v1", lines=theirs)
    for reference in ("v1", "v2"):
        assert hot.ask(path(repository, reference), lines=theirs)
        assert hot.ask(path(repository, reference), "HEAD", lines=theirs)
    for method in ("GET", "HEAD"):
        assert hot.ask(path(other, "v1"), method, lines=theirs) is None, "not even what others were answered"
    assert hot.ask(path(other, "v1"))


def test_a_revoked_token_gets_no_answer(ground: Ground, hot: Hot, repository: Repository) -> None:
    push(ground, repository, "v1")
    hot.bear("team/*")
    hot.learn(repository, "v1")
    assert hot.ask(path(repository, "v1"))
    ground.write(lambda tx: tokens.revoke(tx, ACCOUNT, hot.token.id))
    assert hot.ask(path(repository, "v1")) is None
