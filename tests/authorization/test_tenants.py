"""Nothing of one account is reached by another one that names it (IDOR; oci-and-peers 5.5), and a refusal tells nothing."""

import json

import pytest

from tests.authorization.people import document, token_of
from tests.authorization.place import ACCOUNT, ROOT, Ask, Keys, operation
from tests.authorization.samples import TRUST
from tests.authorization.town import OPEN, Town, arn, digest, host_of

_SEALED = "x-moorage-authorization-message"


@pytest.fixture(scope="module")
def things(town: Town) -> dict[str, str]:
    """Of each kind that has an id, one of the default account's."""
    do = town.place.do
    token = town.api(ROOT, Ask("POST", "/tokens"), {"name": "ours"}).document
    do(ROOT, "iam", "CreateRole", RoleName="ours", AssumeRolePolicyDocument=TRUST)
    everything = document("Allow", Action="*")
    opener = town.user("opener", everything)
    role = f"arn:aws:iam::{ACCOUNT}:role/ours"
    session = do(opener, "sts", "AssumeRole", RoleArn=role, RoleSessionName="ours").element("AccessKeyId")
    town.api(ROOT, Ask("POST", "/robots"), {"name": "ours", "repositories": ["*"], "actions": ["pull"]})
    do(ROOT, "iam", "CreatePolicy", PolicyName="ours", PolicyDocument=everything)
    do(ROOT, "iam", "CreateOpenIDConnectProvider", Url="https://ours.example.com")
    upload = town.as_root(Ask("POST", f"/v2/{OPEN}/blobs/uploads/")).headers["location"]
    return {
        "token": token["id"],
        "password": token["password"],
        "session": session,
        "upload": upload.partition("?")[0],
        "key": opener.id,
    }


def test_what_has_an_id_is_absent_for_another_account(town: Town, things: dict[str, str]) -> None:
    _, them = town.foreign
    for ask in (
        Ask("DELETE", f"/tokens/{things['token']}"),
        Ask("DELETE", f"/sessions/{things['session']}"),
        Ask("DELETE", "/robots", {"name": "ours"}),
        Ask("DELETE", "/oidc-providers/keys", {"url": "https://ours.example.com"}),
    ):
        assert town.api(them, ask).status == 404, ask
    assert town.api(them, Ask("POST", "/robots/rotate"), {"name": "ours"}).status == 404
    for path in ("/tokens", "/sessions", "/robots", "/images", "/tags"):
        listed = town.api(them, Ask("GET", path))
        assert listed.status == 200 and ACCOUNT.encode() not in listed.body and b"ours" not in listed.body, path
    assert town.place.ask(Ask("GET", "/v2/"), password=things["password"]).status == 200


def test_what_has_an_arn_is_refused_to_another_account_there_or_not(town: Town, things: dict[str, str]) -> None:
    _, them = town.foreign
    policy = f"arn:aws:iam::{ACCOUNT}:policy/"
    for service, name, member, there, absent in (
        ("iam", "GetPolicy", "PolicyArn", f"{policy}ours", f"{policy}none"),
        ("iam", "DeletePolicy", "PolicyArn", f"{policy}ours", f"{policy}none"),
        ("ecr", "ListTagsForResource", "resourceArn", arn(OPEN), arn("team/none")),
        ("ecr", "ListImages", "repositoryName", OPEN, "team/none"),
    ):
        more = {"registryId": ACCOUNT} if member == "repositoryName" else {}
        of_ours, of_none = (
            town.place.ask(operation(service, name, {member: of, **more}), them).error for of in (there, absent)
        )
        assert of_ours[0] == of_none[0] and of_ours[0].startswith("AccessDenied")
        assert of_ours[1].replace(there, absent) == of_none[1]
    role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ours", "RoleSessionName": "theirs"}
    their_user = town.user("theirs", document("Allow", Action="*"), them)
    assert town.place.ask(operation("sts", "AssumeRole", role), their_user).error[0] == "AccessDenied"
    of_key = town.place.ask(operation("iam", "GetAccessKeyLastUsed", {"AccessKeyId": things["key"]}), them)
    assert of_key.status >= 400 and b"opener" not in of_key.body


def test_an_upload_is_its_repositorys_and_its_accounts(town: Town, things: dict[str, str]) -> None:
    """CVE-2026-32589: no session of another repository or account is read, continued, closed or cancelled."""
    account_id, them = town.foreign
    town.place.do(them, "ecr", "CreateRepository", repositoryName=OPEN)
    theirs = token_of(town.place, them)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        query = {"digest": digest(b"")} if method == "PUT" else {}
        ask = Ask(method, things["upload"], query, host_of(account_id))
        assert town.place.ask(ask, password=theirs).status == 404
        assert town.place.ask(Ask(method, things["upload"], query), password=theirs).status == 403
    assert town.as_root(Ask("GET", things["upload"])).status == 204


def test_a_token_is_no_better_at_another_registry(town: Town) -> None:
    account_id, them = town.foreign
    theirs = token_of(town.place, them)
    for path, action in (("/manifests/1", "ecr:BatchGetImage"), ("/tags/list", "ecr:ListImages")):
        answer = town.place.ask(Ask("GET", f"/v2/{OPEN}{path}"), password=theirs)
        assert answer.status == 403
        assert f"{action} on resource: {arn(OPEN)} because no resource-based policy" in answer.error[1]
        ours = town.as_root(Ask("GET", f"/v2/{OPEN}{path}", headers=host_of(account_id)))
        assert ours.status == 403
        assert f"{action} on resource: {arn(OPEN, account_id)} because no resource-based policy" in ours.error[1]
    elsewhere = Ask("GET", f"/v2/{OPEN}/manifests/1", headers=host_of(ACCOUNT, "eu-west-1"))
    assert town.as_root(elsewhere).status == 401


def test_a_token_asked_for_in_anothers_name_is_ones_own(town: Town) -> None:
    """A confused deputy: `registryIds` names where the token goes, never whose rights it has."""
    _, them = town.foreign
    made = operation("ecr", "GetAuthorizationToken", {"registryIds": [ACCOUNT]})
    assert town.place.ask(made, them).status == 200
    assert town.place.ask(Ask("GET", f"/v2/{OPEN}/manifests/1"), password=token_of(town.place, them)).status == 403


def test_a_registry_id_and_an_arn_name_the_owner_that_is_decided_upon(town: Town) -> None:
    """What a repository's policy gives to an account is given on that repository alone, and only by naming it."""
    account_id, them = town.foreign
    user = town.user("deputy", document("Allow", Action="ecr:*"), them)
    let = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "ecr:ListImages"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [let]})
    town.place.do(ROOT, "ecr", "SetRepositoryPolicy", repositoryName=OPEN, policyText=text)

    def listed(keys: Keys, **members: str) -> str:
        return town.place.ask(operation("ecr", "ListImages", members), keys).error[0]

    assert listed(user, registryId=ACCOUNT, repositoryName=OPEN) == ""
    assert listed(user, registryId=ACCOUNT, repositoryName="team/closed") == "AccessDeniedException"
    assert listed(user, registryId="999999999999", repositoryName=OPEN) == "AccessDeniedException"
    assert listed(user, repositoryName="team/closed") == "RepositoryNotFoundException"
    other = operation("ecr", "DescribeImages", {"registryId": ACCOUNT, "repositoryName": OPEN})
    assert town.place.ask(other, user).error[0] == "AccessDeniedException"
    town.place.do(ROOT, "ecr", "DeleteRepositoryPolicy", repositoryName=OPEN)
    assert listed(user, registryId=ACCOUNT, repositoryName=OPEN) == "AccessDeniedException"


def test_a_refusal_tells_strangers_no_statement_of_the_owner(town: Town) -> None:
    account_id, them = town.foreign
    deny = {"Sid": "SecretReason", "Effect": "Deny", "Principal": {"AWS": account_id}, "Action": "ecr:*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    town.place.do(ROOT, "ecr", "SetRepositoryPolicy", repositoryName=OPEN, policyText=text)
    try:
        asked = operation("ecr", "ListImages", {"registryId": ACCOUNT, "repositoryName": OPEN})
        answer = town.place.ask(asked, them)
        assert "SecretReason" not in answer.error[1] and answer.error[0] == "AccessDeniedException"
        message = {"EncodedMessage": answer.headers[_SEALED]}
        decoded = town.place.ask(operation("sts", "DecodeAuthorizationMessage", message), them)
        assert decoded.status == 200 and b"SecretReason" not in decoded.body
        # Nobody else decodes it.
        assert town.place.ask(operation("sts", "DecodeAuthorizationMessage", message), ROOT).status == 400
    finally:
        town.place.do(ROOT, "ecr", "DeleteRepositoryPolicy", repositoryName=OPEN)
