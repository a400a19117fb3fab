"""The smallest good request for each entry of `/api/v1`, typed by hand, like those in `samples`."""

import json
from collections.abc import Mapping
from typing import Any

from tests.authorization.place import ACCOUNT, Ask
from tests.authorization.samples import ABSENT, DIGEST

_REPOSITORY = {"repository": "absent/app"}


def _ask(method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None) -> Ask:
    data = b"" if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    return Ask(method, f"/api/v1{path}", query or {}, headers, data, "moorage")


_POLICY = {"document": "no policy"}
_ROBOT = {"name": "made", "repositories": ["absent/*"], "actions": ["pull"]}

API: Mapping[str, Ask] = {
    "GET /audit": _ask("GET", "/audit"),
    "GET /audit/all": _ask("GET", "/audit/all"),
    "GET /images": _ask("GET", "/images", _REPOSITORY),
    "GET /images+all": _ask("GET", "/images"),
    "GET /images/removed": _ask("GET", "/images/removed", _REPOSITORY),
    "GET /tags": _ask("GET", "/tags", _REPOSITORY),
    "GET /tags+all": _ask("GET", "/tags"),
    "GET /tags/history": _ask("GET", "/tags/history", {**_REPOSITORY, "tag": "1"}),
    "POST /images/purge": _ask("POST", "/images/purge", body=_REPOSITORY),
    "POST /images/undelete": _ask("POST", "/images/undelete", body={**_REPOSITORY, "digest": DIGEST}),
    "POST /tags/rollback": _ask("POST", "/tags/rollback", body={**_REPOSITORY, "tag": "1"}),
    "GET /repositories/preview": _ask("GET", "/repositories/preview", _REPOSITORY),
    "POST /tokens": _ask("POST", "/tokens", body={"name": "matrix"}),
    "GET /tokens": _ask("GET", "/tokens"),
    "DELETE /tokens/{id}": _ask("DELETE", "/tokens/absent"),
    "GET /sessions": _ask("GET", "/sessions"),
    "DELETE /sessions/{id}": _ask("DELETE", "/sessions/ASIAABSENTABSENTABSE"),
    "POST /robots": _ask("POST", "/robots", body=_ROBOT),
    "GET /robots": _ask("GET", "/robots"),
    "POST /robots/rotate": _ask("POST", "/robots/rotate", body={"name": "absent"}),
    "DELETE /robots": _ask("DELETE", "/robots", {"name": "absent"}),
    "POST /accounts": _ask("POST", "/accounts", body={"account_id": ACCOUNT, "name": "again"}),
    "GET /accounts": _ask("GET", "/accounts"),
    "PUT /accounts/{account_id}/policies/{name}": _ask("PUT", f"/accounts/{ACCOUNT}/policies/absent", body=_POLICY),
    "GET /accounts/{account_id}/policies": _ask("GET", f"/accounts/{ACCOUNT}/policies"),
    "GET /accounts/{account_id}/policies/{name}": _ask("GET", f"/accounts/{ACCOUNT}/policies/absent"),
    "DELETE /accounts/{account_id}/policies/{name}": _ask("DELETE", f"/accounts/{ACCOUNT}/policies/absent"),
    "PUT /oidc-providers/keys": _ask("PUT", "/oidc-providers/keys", body={"url": "https://absent.example.com", "keys": [{}]}),
    "DELETE /oidc-providers/keys": _ask("DELETE", "/oidc-providers/keys", {"url": "https://absent.example.com"}),
    "POST /iam/explain": _ask("POST", "/iam/explain", body={"principal": ABSENT["user"], "action": "ecr:PutImage"}),
}
NAMES: Mapping[str, Mapping[str, str]] = {"POST /robots": {"robot": f"arn:aws:iam::{ACCOUNT}:user/robot/made"}}
