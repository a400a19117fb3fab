"""Pulls that do not count."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from moorage.audit.recorder import Recorder
from moorage.identity.credentials import tokens, user_keys
from moorage.images import store
from moorage.registries.exclusions import is_excluded
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images
from tests.unit.ground import ACCOUNT, ROOT, Ground, digest_of

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/scanner"
USER = f"arn:aws:iam::{ACCOUNT}:user/scanner"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/scanner/nightly"


@pytest.mark.parametrize(
    ("caller", "exclusion", "expected"),
    [
        (USER, USER, True),
        (USER, ROLE, False),
        (USER.replace("user/", "user/path/"), USER, False),
        (ROLE, ROLE, True),
        (SESSION, ROLE, True),
        (SESSION, USER, False),
        (SESSION.replace("scanner/", "other/"), ROLE, False),
        (SESSION.replace(ACCOUNT, "210987654321"), ROLE, False),
        (SESSION.replace("arn:aws:", "arn:aws-cn:"), ROLE, False),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly/scanner", ROLE, False),
        (ROOT.arn, ROLE, False),
    ],
)
def test_a_role_stands_for_its_sessions_in_whatever_path_it_is(caller: str, exclusion: str, expected: bool) -> None:
    assert is_excluded(caller, ["arn:aws:iam::111122223333:user/somebody", exclusion]) is expected
    assert not is_excluded(caller, [])


def pulled_at(ground: Ground) -> int | None:
    (row,) = ground.rows(sa.select(images.c.last_pulled_at))
    found: int | None = row.last_pulled_at
    return found


def test_excluded_pulls_are_dropped_when_they_are_written_and_no_others(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    image = ground.read(lambda tx: store.by_digest(tx, repository.id, digest_of(body)))
    assert image is not None
    recorder = Recorder(ground.database, store.note_pulls, tokens.note_use, user_keys.note_uses)
    ground.do("RegisterPullTimeUpdateExclusion", principalArn=ROLE)
    for arn, at, expected in ((SESSION, 5, None), (ROOT.arn, 7, 7), (SESSION, 9, 7), (USER, 11, 11), (ROOT.arn, 10, 11)):
        recorder.pull(image.id, arn, at)
        recorder.flush()
        assert pulled_at(ground) == expected
    for arn, at in ((ROOT.arn, 20), (SESSION, 22), (USER, 21)):
        recorder.pull(image.id, arn, at)
    recorder.flush()
    assert pulled_at(ground) == 21
    ground.do("DeregisterPullTimeUpdateExclusion", principalArn=ROLE)
    recorder.pull(image.id, SESSION, 30)
    recorder.close()
    assert pulled_at(ground) == 30


def test_an_exclusion_holds_in_its_own_registry_only(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "v1")
    elsewhere = replace(ground.registry, id=ground.registry.id + 1, region="eu-west-1")
    assert ground.write(lambda tx: tx.execute(_another_registry(elsewhere.region)).rowcount) == 1
    ground.write(lambda tx: tx.execute(_exclusion(elsewhere.id)).rowcount)
    ground.do("BatchGetImage", repositoryName=repository.name, imageIds=[{"imageTag": "v1"}])
    assert pulled_at(ground) == ground.clock.now()


def _another_registry(region: str) -> sa.TextClause:
    return sa.text(
        f"INSERT INTO registries (service, account_id, region, created_at) VALUES ('private', '{ACCOUNT}', '{region}', 0)"
    )


def _exclusion(registry_id: int) -> sa.TextClause:
    return sa.text(
        f"INSERT INTO pull_time_exclusions (registry_id, principal_arn, created_at) VALUES ({registry_id}, '{ROOT.arn}', 0)"
    )
