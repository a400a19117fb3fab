"""Temporary credentials through boto3: who gets them, what they are good for, and how they end."""

import base64
import json
import time
from datetime import datetime
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from moorage.http.api.routes import ROUTES
from tests.contract.aws.credentials import ALLOW, Keys, User, fresh, new_role, refusal
from tests.contract.aws.door import ACCOUNT, REGION, ROOT, Door, Signer
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

INVALID = "The security token included in the request is invalid."
ROOT_KEY = Keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
EXPIRED = "The security token included in the request is expired"


def login(client_of: Any, keys: Keys) -> tuple[str, str]:
    """What docker signs in with."""
    given = client_of("ecr", keys).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(given).decode().partition(":")
    return user, password


def _api(door: Door, method: str, path: str, keys: Keys = ROOT_KEY, body: Any = None) -> requests.Response:
    data = json.dumps(body) if body is not None else ""
    request = AWSRequest(method, f"http://{door.host}/api/v1{path}", {"content-type": "application/json"} if data else {}, data)
    SigV4Auth(Credentials(keys.id, keys.secret, keys.token), "moorage", REGION).add_auth(request)
    return requests.request(method, str(request.url), headers=dict(request.headers.items()), data=data, timeout=30)


def test_a_role_session_works_at_every_door(
    door: Door, client_of: Any, iam: Any, power_user: User, trusting_role: dict[str, Any], role_session: Keys
) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{trusting_role['RoleName']}/ci"
    who = client_of("sts", role_session).get_caller_identity()
    assert (who["Account"], who["Arn"], who["UserId"]) == (ACCOUNT, arn, f"{trusting_role['RoleId']}:ci")
    name = fresh("team/app")
    client_of("ecr", role_session).create_repository(repositoryName=name)
    password = login(client_of, role_session)
    assert requests.get(f"http://{door.host}/v2/{name}/tags/list", auth=password, timeout=30).status_code == 200
    listed = _api(door, "GET", "/sessions?limit=1000", role_session).json()["sessions"]
    [mine] = [each for each in listed if each["access_key_id"] == role_session.id]
    assert (mine["principal_arn"], mine["kind"], mine["opened_by"]) == (arn, "AssumedRole", power_user.arn)
    assert client_of("iam", role_session).get_role(RoleName=trusting_role["RoleName"])["Role"]["Arn"] == trusting_role["Arn"]
    deadline = time.monotonic() + 5
    while (
        not (used := iam.get_role(RoleName=trusting_role["RoleName"])["Role"]["RoleLastUsed"]) and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert used["Region"] == REGION and abs(used["LastUsedDate"].timestamp() - time.time()) < 60


def test_a_users_session_token_speaks_as_the_user(client_of: Any, power_user: User) -> None:
    keys = Keys.of(client_of("sts", power_user.keys).get_session_token(DurationSeconds=900))
    who = client_of("sts", keys).get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (power_user.arn, power_user.id)
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert refusal(client_of("iam", keys).list_users) == (403, "InvalidClientTokenId", INVALID)
    refused = refusal(client_of("sts", keys).get_session_token)
    assert refused == (403, "AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_the_roots_session_token_lasts_an_hour_at_most(door: Door) -> None:
    given = door.client(service="sts").get_session_token(DurationSeconds=129_600)["Credentials"]
    assert abs(given["Expiration"].timestamp() - time.time() - 3600) < 60
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    made = door.client(service="sts", key_id=keys.id, secret=keys.secret, token=keys.token)
    assert made.get_caller_identity()["Arn"] == ROOT


def test_a_federated_user_speaks_for_itself(client_of: Any, power_user: User) -> None:
    answer = client_of("sts", power_user.keys).get_federation_token(Name="bob", Policy=ALLOW)
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:bob", "Arn": arn}
    assert answer["PackedPolicySize"] > 0
    keys = Keys.of(answer)
    assert client_of("sts", keys).get_caller_identity()["Arn"] == arn
    assert refusal(client_of("iam", keys).list_users)[1] == "InvalidClientTokenId"
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200


LASTING = [(route.method, route.path, route.event_name) for route in ROUTES if route.lasting]


def test_nothing_lasting_is_made_with_credentials_that_iam_does_not_know(
    door: Door, client_of: Any, power_user: User, role_session: Keys
) -> None:
    sts = client_of("sts", power_user.keys)
    for keys in Keys.of(sts.get_session_token()), Keys.of(sts.get_federation_token(Name="bob", Policy=ALLOW)):
        for method, path, name in LASTING:
            answer = _api(door, method, path.replace("{account_id}", ACCOUNT).replace("{name}", "x").replace("{id}", "x"), keys)
            assert (answer.status_code, answer.json()["code"]) == (403, "AccessDenied"), name
            assert answer.json()["message"] == f"Cannot call {name} with session credentials"
            (row,) = door.audited(answer.headers["x-amzn-requestid"])
            assert (row["event_name"], row["error_code"]) == (name, "AccessDenied")
        assert _api(door, "GET", "/robots", keys).status_code == 200
        wanted = {"name": "mine", "lifetime_seconds": 31_536_000}
        made = _api(door, "POST", "/tokens", keys, wanted).json()
        assert datetime.fromisoformat(made["expires_at"]).timestamp() < time.time() + 12 * 3600 + 60
    robot = {"name": fresh("robot"), "repositories": ["*"], "actions": ["pull"]}
    for keys in power_user.keys, role_session:
        assert _api(door, "POST", "/robots", keys, {**robot, "name": fresh("robot")}).status_code == 201


def test_a_root_takes_no_role(door: Door, trusting_role: dict[str, Any], iam: Any) -> None:
    sts = door.client(service="sts")
    trusting = new_role(iam, {"AWS": ACCOUNT})
    refused = refusal(sts.assume_role, RoleArn=trusting["Arn"], RoleSessionName="ci")
    assert refused == (403, "AccessDenied", "Roles may not be assumed by root accounts.")


def test_a_temporary_key_is_good_with_its_own_session_token_only(
    door: Door, client_of: Any, power_user: User, trusting_role: dict[str, Any], role_session: Keys
) -> None:
    other = Keys.of(client_of("sts", power_user.keys).assume_role(RoleArn=trusting_role["Arn"], RoleSessionName="other"))
    assert role_session.token is not None
    wrong = [
        None,
        other.token,
        role_session.token[:-1],
        role_session.token + "A",
        "A" * len(role_session.token),
        role_session.token.swapcase(),
    ]
    for token in wrong:
        keys = Keys(role_session.id, role_session.secret, token)
        assert refusal(client_of("ecr", keys).describe_repositories) == (400, "UnrecognizedClientException", INVALID)
        assert refusal(client_of("sts", keys).get_caller_identity) == (403, "InvalidClientTokenId", INVALID)
    long_term = Keys(power_user.keys.id, power_user.keys.secret, role_session.token)
    assert refusal(client_of("ecr", long_term).describe_repositories)[1] == "UnrecognizedClientException"
    forged = Keys("ASIAAAAAAAAAAAAAAAAA", role_session.secret, role_session.token)
    assert refusal(client_of("ecr", forged).describe_repositories)[1] == "UnrecognizedClientException"
    stolen = Keys(role_session.id, other.secret, role_session.token)
    assert refusal(client_of("ecr", stolen).describe_repositories)[1] == "InvalidSignatureException"


def test_a_presigned_request_carries_the_session_token_in_its_query(door: Door, role_session: Keys) -> None:
    signer = Signer(key_id=role_session.id, secret=role_session.secret, token=role_session.token, expires=60)
    assert door.raw("DescribeRepositories", b"{}", signer).status == 200
    for token in (None, "A" * 256):
        wrong = Signer(key_id=role_session.id, secret=role_session.secret, token=token, expires=60)
        refused = door.raw("DescribeRepositories", b"{}", wrong)
        assert (refused.status, refused.document["__type"]) == (400, "UnrecognizedClientException")


def test_an_expired_session_is_told_so(door: Door, client_of: Any, role_session: Keys) -> None:
    password = login(client_of, role_session)
    door.prepare("UPDATE sessions SET expires_at = 1 WHERE id = ?", role_session.id)
    assert refusal(client_of("ecr", role_session).describe_repositories) == (400, "ExpiredTokenException", EXPIRED)
    assert refusal(client_of("sts", role_session).get_caller_identity) == (403, "ExpiredToken", EXPIRED)
    assert _api(door, "GET", "/sessions", role_session).json()["code"] == "ExpiredToken"
    assert requests.get(f"http://{door.host}/v2/", auth=password, timeout=30).status_code in {401, 403}
    # Who does not know the session token is not told either.
    without = Keys(role_session.id, role_session.secret)
    assert refusal(client_of("ecr", without).describe_repositories)[1] == "UnrecognizedClientException"


def test_a_revoked_session_is_refused_on_the_next_request(door: Door, client_of: Any, role_session: Keys) -> None:
    password = login(client_of, role_session)
    assert requests.get(f"http://{door.host}/v2/", auth=password, timeout=30).status_code == 200
    assert _api(door, "DELETE", f"/sessions/{role_session.id}").status_code == 204
    assert refusal(client_of("ecr", role_session).describe_repositories) == (400, "UnrecognizedClientException", INVALID)
    assert requests.get(f"http://{door.host}/v2/", auth=password, timeout=30).status_code == 401
    gone = _api(door, "DELETE", f"/sessions/{role_session.id}")
    assert (gone.status_code, gone.json()["message"]) == (404, "There is no such session.")


def test_sessions_end_with_their_role_their_user_and_their_key(
    door: Door, client_of: Any, iam: Any, power_user: User, trusting_role: dict[str, Any], role_session: Keys
) -> None:
    own = Keys.of(client_of("sts", power_user.keys).get_session_token())
    password = login(client_of, own)
    iam.update_access_key(UserName=power_user.name, AccessKeyId=power_user.keys.id, Status="Inactive")
    assert refusal(client_of("ecr", own).describe_repositories)[1] == "UnrecognizedClientException"
    assert requests.get(f"http://{door.host}/v2/", auth=password, timeout=30).status_code == 401
    iam.delete_role_policy(RoleName=trusting_role["RoleName"], PolicyName="all")
    iam.delete_role(RoleName=trusting_role["RoleName"])
    assert refusal(client_of("ecr", role_session).describe_repositories)[1] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"DurationSeconds": 899}, 400, "ValidationError"),
        ({"DurationSeconds": 43_201}, 400, "ValidationError"),
        ({"DurationSeconds": 3601}, 400, "ValidationError"),
        ({"RoleSessionName": "x"}, 400, "ValidationError"),
        ({"RoleSessionName": "a b"}, 400, "ValidationError"),
        ({"Policy": "nothing"}, 400, "MalformedPolicyDocument"),
        ({"Policy": ALLOW + " " * 2048}, 400, "PackedPolicyTooLarge"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/Nothing"}]}, 400, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "b"}] * 2}, 400, "InvalidInput"),
        ({"TokenCode": "123456"}, 403, "AccessDenied"),
        ({"SourceIdentity": "aws:x"}, 400, "ValidationError"),
    ],
)
def test_what_cannot_be_a_session_is_refused(
    client_of: Any, iam: Any, power_user: User, members: dict[str, Any], status: int, code: str
) -> None:
    role = new_role(iam, {"AWS": power_user.arn}, Action="sts:*")
    given = {"RoleArn": role["Arn"], "RoleSessionName": "ci", **members}
    assert refusal(client_of("sts", power_user.keys).assume_role, **given)[:2] == (status, code)


def test_a_key_tells_its_account(door: Door, client_of: Any, power_user: User, role_session: Keys) -> None:
    sts = door.client(service="sts")
    for key in (ACCESS_KEY_ID, power_user.keys.id, role_session.id):
        assert sts.get_access_key_info(AccessKeyId=key)["Account"] == ACCOUNT
    assert refusal(sts.get_access_key_info, AccessKeyId="AKIAAAAAAAAAAAAAAAAA")[1] == "ValidationError"


@pytest.mark.parametrize("message", ["A", "A" * 10_240, "not base64 at all!", "é"])
def test_a_message_that_nobody_encoded_is_not_decoded(door: Door, message: str) -> None:
    refused = refusal(door.client(service="sts").decode_authorization_message, EncodedMessage=message)
    assert refused[:2] == (400, "InvalidAuthorizationMessageException")


def test_a_denial_hands_over_the_whole_decision_for_those_who_may_read_it(
    door: Door, client_of: Any, iam: Any, other_iam: Any, power_user: User
) -> None:
    here = {"IpAddress": {"aws:SourceIp": "127.0.0.1"}}
    deny = {"Sid": "NoWay", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": here}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    password = login(client_of, power_user.keys)
    iam.put_user_policy(UserName=power_user.name, PolicyName="guard", PolicyDocument=document)
    name = fresh("team/app")
    signer = Signer(key_id=power_user.keys.id, secret=power_user.keys.secret)
    form = AWSRequest(
        "POST",
        f"http://{door.host}/",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        data=b"Action=ListUsers&Version=2010-05-08",
    )
    SigV4Auth(Credentials(power_user.keys.id, power_user.keys.secret), "iam", REGION).add_auth(form)
    answers = {
        "ecr:CreateRepository": door.raw("CreateRepository", {"repositoryName": name}, signer).headers,
        "iam:ListUsers": door.send(form).headers,
        "ecr:ListImages": requests.get(f"http://{door.host}/v2/{name}/tags/list", auth=password, timeout=30).headers,
        "moorage:ListSessions": _api(door, "GET", "/sessions", power_user.keys).headers,
    }
    key = other_iam.create_access_key()["AccessKey"]
    stranger = client_of("sts", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    for action, headers in answers.items():
        message = headers["x-moorage-authorization-message"]
        decoded = json.loads(door.client(service="sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
        assert (decoded["allowed"], decoded["explicitDeny"]) == (False, True)
        told = decoded["context"]
        assert told["principal"] == {"id": power_user.id, "name": power_user.name, "arn": power_user.arn}
        assert told["action"] == action
        assert told["conditions"]["items"] == [{"key": "aws:sourceip", "values": {"items": [{"value": "127.0.0.1"}]}}]
        assert decoded["matchedStatements"]["items"] == [{"statementId": "NoWay", "effect": "DENY", "policy": "guard"}]
        # Neither the caller, who may nothing, nor another account.
        refused = refusal(client_of("sts", power_user.keys).decode_authorization_message, EncodedMessage=message)
        assert refused[:2] == (403, "AccessDenied")
        refused = refusal(stranger.decode_authorization_message, EncodedMessage=message)
        assert refused[:2] == (400, "InvalidAuthorizationMessageException")
    other_iam.delete_access_key(AccessKeyId=key["AccessKeyId"])  # a root has two at most, and other tests need one
