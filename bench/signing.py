"""Signed requests of the AWS API, made ahead of time as whole HTTP requests (Signature Version 4)."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

REGION = "eu-west-1"
"""Not the default one, so that the registry is an empty one whatever a run has pushed before."""

_TARGET = "AmazonEC2ContainerRegistry_V20150921"
_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_TYPE = "application/x-amz-json-1.1"


def signed_requests(port: int, keys: tuple[str, str], operation: str, bodies: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """One request for each body, all signed now; good for a quarter of an hour."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/{REGION}/ecr/aws4_request"
    key = f"AWS4{keys[1]}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    head = f"content-type:{_TYPE}\nhost:127.0.0.1:{port}\nx-amz-date:{stamp}\nx-amz-target:{_TARGET}.{operation}\n"
    made: list[bytes] = []
    for body in bodies:
        data = json.dumps(body).encode()
        canonical = f"POST\n/\n\n{head}\n{_SIGNED}\n{hashlib.sha256(data).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        authorization = f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
        request = (
            f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Amz-Target: {_TARGET}.{operation}\r\nContent-Type: {_TYPE}\r\n"
            f"User-Agent: moorage-bench\r\nX-Amz-Date: {stamp}\r\nAuthorization: {authorization}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        made.append(request.encode() + data)
    return made
