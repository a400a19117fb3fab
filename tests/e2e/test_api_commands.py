"""`moorage account` and `moorage token` as people and scripts use them: processes that know the server by AWS_* variables."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import trustme

from tests.e2e.api import Api
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def server(connection: str) -> Iterator[Server]:
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


class SecureServer(Server):
    """One that speaks TLS, with a CA that lies beside its data."""

    def _lives(self) -> bool:
        try:
            ca = str(self.data.parent / "ca.pem")
            return requests.get(f"https://{self.host}/livez", timeout=5, verify=ca).status_code == 200
        except requests.RequestException:
            return False


def run(*words: str, code: int = 0, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command, in an environment of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "moorage", *words],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done


def key_of(server: Server, endpoint: str = "") -> dict[str, str]:
    """The variables by which another machine would know the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint or f"http://{server.host}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
    }


def test_a_token_is_made_listed_used_and_revoked(server: Server) -> None:
    env, api = key_of(server), Api(server.host)
    made = json.loads(
        run(*"token create ci --for 30d --repository team/* --repository b --allow pull --json".split(), env=env).stdout
    )
    assert (made["repositories"], made["actions"]) == (["team/*", "b"], ["pull"])
    session = api.sign_in(made["password"])
    assert session.get("/v2/").status_code == 200
    listed = run("token", "list", env=env).stdout
    heading, *lines = listed.splitlines()
    assert heading.split() == "ID NAME REGION REPOSITORIES ACTIONS TAGS EXPIRES LAST-USED MADE-BY".split()
    (line,) = (line for line in lines if line.startswith(made["id"]))
    assert line.split()[1:5] == ["ci", "us-east-1", "team/*,b", "pull"]
    assert made["password"] not in listed
    assert run("token", "revoke", made["id"], env=env).stdout == ""
    assert session.get("/v2/").status_code == 401
    refused = run("token", "revoke", made["id"], code=1, env=env)
    assert refused.stderr == "moorage: There is no such token. (TokenNotFound)\n"


def test_a_person_reads_the_password_once(server: Server) -> None:
    said = run("token", "create", "for people", env=key_of(server)).stdout
    facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert facts["username"].strip() == "AWS" and len(facts["password"].strip()) == 128
    assert facts["repositories"].strip() == facts["actions"].strip() == "-"
    assert "shown this once" in said


def test_lists_are_read_to_their_end(server: Server) -> None:
    env, api = key_of(server), Api(server.host)
    many = {api.token(f"t{number}")["id"] for number in range(5)}
    listed = json.loads(run("token", "list", "--json", env=env).stdout)["tokens"]
    assert many <= {each["id"] for each in listed}


def test_accounts_are_made_and_listed(server: Server) -> None:
    env = key_of(server)
    said = run("account", "create", "--id", "210987654321", "second", env=env).stdout
    facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    key = {"AWS_ACCESS_KEY_ID": facts["access key id"].strip(), "AWS_SECRET_ACCESS_KEY": facts["secret access key"].strip()}
    assert run("token", "list", "--json", env={**env, **key}).stdout == '{\n  "tokens": []\n}\n'
    made = json.loads(run("account", "create", "third", "--json", env=env).stdout)
    table = run("account", "list", env=env).stdout.split()
    assert {"210987654321", "second", made["account_id"], "third", "123456789012"} <= {*table}
    assert run("account", "create", "--id", "210987654321", "again", code=1, env=env).stderr == (
        "moorage: The account 210987654321 already exists. (AccountAlreadyExists)\n"
    )
    assert "is not authorized to perform: moorage:ListAccounts" in run("account", "list", code=1, env={**env, **key}).stderr
    said = run("iam", "explain", "--action", "moorage:ListAccounts", env={**env, **key}).stdout
    assert "decision:  not allowed (reserved action)" in said and "To allow it" not in said
    assert "No statement could allow it. Only principals of the account 123456789012 can be allowed this action." in said


def test_an_account_is_limited_and_let_go(server: Server, tmp_path: Path) -> None:
    env, account = key_of(server), ("account", "policy")
    made = json.loads(run("account", "create", "limited", "--json", env=env).stdout)["account_id"]
    assert "FullAWSAccess" in run(*account, "list", made, env=env).stdout
    assert run(*account, "list", "123456789012", env=env).stdout == (
        "The account 123456789012 operates the installation: it has no service control policies, and no such limit.\n"
    )
    text = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}'
    (tmp_path / "limit.json").write_text(text)
    file = str(tmp_path / "limit.json")
    said = run(*account, "set", made, "only=ecr+1", file, env=env).stdout
    assert said == f"only=ecr+1 limits the account {made} from now on.\n"
    assert run(*account, "show", made, "only=ecr+1", env=env).stdout == f"{text}\n"
    assert json.loads(run(*account, "show", made, "only=ecr+1", "--json", env=env).stdout)["document"] == text
    assert "only=ecr+1" in run(*account, "list", made, env=env).stdout
    assert run(*account, "delete", made, "only=ecr+1", env=env).stdout == ""
    for words, complaint in (
        (("show", made, "only=ecr+1"), f"The account {made} has no service control policy with the name only=ecr+1."),
        (("delete", made, "only=ecr+1"), f"The account {made} has no service control policy with the name only=ecr+1."),
        (("delete", made, "FullAWSAccess"), "FullAWSAccess is the only service control policy"),
        (("list", "999999999999"), "The account 999999999999 does not exist. (AccountNotFound)"),
        (("set", "123456789012", "x", file), "service control policies never limit that account"),
        (("set", made, "a b", file), "Invalid parameter at 'name' failed to satisfy constraint"),
        (("set", made, "x", str(tmp_path)), "cannot be read: Is a directory."),
        (("set", made, "x", "/absent"), "/absent cannot be read: No such file or directory."),
        (("set", made, "x", sys.executable), "is not a text in UTF-8."),
    ):
        assert complaint in run(*account, *words, code=1, env=env).stderr
    (tmp_path / "limit.json").write_text(text.replace("}]}", '}, {"Effect": "Perhaps"}]}'))
    assert "MalformedPolicy" in run(*account, "set", made, "x", file, code=1, env=env).stderr


def test_what_a_push_would_make_is_said_before_it(server: Server) -> None:
    env, ecr = key_of(server), Api(server.host).ecr()
    refused = run("repositories", "preview", "preview/app", env=env).stdout
    assert "outcome:" in refused and "refused" in refused and "no creation template" in refused
    ecr.create_repository_creation_template(
        prefix="preview",
        appliedFor=["CREATE_ON_PUSH"],
        imageTagMutability="IMMUTABLE",
        resourceTags=[{"Key": "team", "Value": "a"}],
    )
    previewed = json.loads(run("repositories", "preview", "preview/app", "--json", env=env).stdout)
    assert (previewed["outcome"], previewed["template"], previewed["reason"]) == ("created", "preview", None)
    assert (previewed["tag_mutability"], previewed["resource_tags"]) == ("IMMUTABLE", {"team": "a"})
    assert "team=a" in run("repositories", "preview", "preview/app", env=env).stdout
    ecr.create_repository(repositoryName="preview/app")
    there = json.loads(run("repositories", "preview", "preview/app", "--json", env=env).stdout)
    assert (there["outcome"], there["template"], there["tag_mutability"]) == ("exists", None, "MUTABLE")
    assert "Invalid parameter at 'repository'" in run("repositories", "preview", "A", code=1, env=env).stderr
    ecr.close()


def test_why_somebody_may_not_do_something_is_explained_and_the_suggestion_helps(server: Server) -> None:
    env, iam = key_of(server), Api(server.host).client("iam")
    arn = iam.create_user(UserName="explained")["User"]["Arn"]
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    office = {"Sid": "Office", "Effect": "Allow", "Action": "ecr:*", "Resource": "*", "Condition": condition}

    def put(name: str, *statements: object) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="explained", PolicyName=name, PolicyDocument=document)

    put("work", office)
    question = ("iam", "explain", "--principal", arn, "--action", "ecr:PutImage", "--resource", "explained/app")
    said = run(*question, env=env).stdout
    assert "decision:  not allowed (identity-based policy)" in said and "does not allow: identity-based policy" in said
    assert run("iam", "explain", "--principal", "explained", *question[4:], env=env).stdout == said
    assert "work#Office would allow it, but for:" in said and "IpAddress aws:SourceIp 10.0.0.0/8; given: nothing" in said
    assert (
        "allows:         identity-based policy by work#Office"
        in run(*question, "--context", "aws:SourceIp=10.1.1.1", env=env).stdout
    )
    found = json.loads(run(*question, "--json", env=env).stdout)
    assert (found["decision"], found["missing"], found["possible"]) == ("implicitDeny", ["aws:SourceIp"], True)
    assert found["message"].endswith("because no identity-based policy allows the ecr:PutImage action")
    (suggested,) = found["suggestions"]
    put("work", office, suggested["statement"])
    assert json.loads(run(*question, "--json", env=env).stdout)["decision"] == "allowed"
    put("never", {"Effect": "Deny", "Action": "ecr:Put*", "Resource": "*"})
    said = run(*question, env=env).stdout
    assert "decision:  denied (identity-based policy)" in said and "No Allow helps before this is changed: never#1" in said
    assert run(*question, "--context", "nothing", code=1, env=env).stderr.startswith("moorage: --context must be KEY=VALUE")
    iam.close()


def test_on_the_servers_own_machine_the_data_directory_is_enough(server: Server) -> None:
    key = {
        "MOORAGE_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "MOORAGE_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    listed = run("account", "list", "--data-dir", str(server.data), env=key).stdout
    assert listed.startswith("ACCOUNT")


def test_temporary_credentials_are_used_listed_and_revoked(server: Server) -> None:
    env = key_of(server)
    sts: Any = boto3.client(
        "sts",
        endpoint_url=f"http://{server.host}",
        region_name="us-east-1",
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    given = sts.get_session_token()["Credentials"]
    sts.close()
    theirs = {
        **env,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    listed = json.loads(run("iam", "session", "list", "--json", env=theirs).stdout)["sessions"]
    [mine] = [each for each in listed if each["access_key_id"] == given["AccessKeyId"]]
    assert (mine["kind"], mine["opened_by"]) == ("SessionToken", env["AWS_ACCESS_KEY_ID"])
    table = run("iam", "session", "list", env=env).stdout
    assert given["AccessKeyId"] in table and given["SecretAccessKey"] not in table and given["SessionToken"] not in table
    assert run("iam", "session", "revoke", given["AccessKeyId"], env=env).stdout == ""
    gone = run("iam", "session", "revoke", given["AccessKeyId"], code=1, env=env)
    assert gone.stderr == "moorage: There is no such session. (SessionNotFound)\n"
    refused = run("iam", "session", "list", code=1, env=theirs)
    assert "The security token included in the request is invalid." in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("token create x --for soon", "--for must be a time such as 15m, 12h or 30d, not 'soon'."),
        ("token create x --for 1s", "Invalid parameter at 'lifetime_seconds' failed to satisfy constraint"),
        ("token create x --for 366d", "Invalid parameter at 'lifetime_seconds' failed to satisfy constraint"),
        ("token create x --allow everything", "Invalid parameter at 'actions' failed to satisfy constraint"),
        ("token create x --repository Team", "Invalid parameter at 'repositories"),
        ("token revoke ../accounts", "There is nothing at this address."),
        ("token revoke ?x", "There is no such token."),
        ("account create --id 5 x", "Invalid parameter at 'account_id' failed to satisfy constraint"),
    ],
)
def test_a_refusal_is_one_sentence(server: Server, words: str, said: str) -> None:
    answer = run(*words.split(), code=1, env=key_of(server))
    assert answer.stderr.startswith(f"moorage: {said}") and answer.stderr.count("\n") == 1
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer: Connection refused. Is the server running?"),
        ("localhost:5000", "The endpoint 'localhost:5000' is not a URL such as http://localhost:5000."),
    ],
)
def test_a_server_that_cannot_be_reached_is_said(server: Server, endpoint: str, said: str) -> None:
    assert run("token", "list", code=1, env=key_of(server, endpoint)).stderr == f"moorage: {said}\n"


def test_what_is_no_moorage_is_told_apart(server: Server) -> None:
    answer = run("token", "list", code=1, env=key_of(server, f"http://{server.host}/v2"))
    assert answer.stderr == f"moorage: http://{server.host}/v2 does not answer like Moorage (HTTP 401); check the endpoint.\n"


@pytest.mark.parametrize("words", ["token", "account", "token create", "token revoke", "account create", "token make x"])
def test_a_command_that_is_asked_for_wrongly_ends_with_2(server: Server, words: str) -> None:
    assert "usage: moorage" in run(*words.split(), code=2, env=key_of(server)).stderr


def test_a_private_ca_is_named_by_the_aws_variable(connection: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    tls = {"MOORAGE_TLS_CERT": str(tmp_path / "cert.pem"), "MOORAGE_TLS_KEY": str(tmp_path / "key.pem")}
    server = SecureServer(tmp_path / "data", connection, settings=tls)
    server.start()
    try:
        env = key_of(server, f"https://{server.host}")
        trusted = run("token", "create", "x", "--json", env={**env, "AWS_CA_BUNDLE": str(tmp_path / "ca.pem")})
        assert json.loads(trusted.stdout)["endpoint"] == f"https://{server.host}"
        assert "CERTIFICATE_VERIFY_FAILED" in run("token", "list", code=1, env=env).stderr
        absent = run("token", "list", code=1, env={**env, "AWS_CA_BUNDLE": str(tmp_path / "none.pem")})
        assert absent.stderr.endswith("none.pem (AWS_CA_BUNDLE) cannot be read: No such file or directory.\n")
    finally:
        server.stop()


def test_env_loads_neither_botocore_nor_the_server(tmp_path: Path) -> None:
    (tmp_path / "root-credentials.json").write_text('{"access_key_id": "A", "secret_access_key": "s"}')
    script = (
        "import sys; from moorage.cli.main import main; main(['env', '--data-dir', sys.argv[1]]); "
        "print([name for name in ('botocore', 'msgspec', 'sqlalchemy', 'moorage.app') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n") and "AWS_ACCESS_KEY_ID=A" in done.stdout
