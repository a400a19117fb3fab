"""Record what Terraform sends, through a proxy in front of a server: `python -m tests.terraform.record`, where Terraform is."""

import http.client
import http.server
import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.clients.terraform import Terraform
from tests.clients.tool import Sandbox
from tests.e2e.server import Server
from tests.terraform.configurations import ENHANCED, IMPORTS, TEMPLATE_DATA, by_endpoints, resources
from tests.terraform.wire import RECORDED, REGION, steady

_REGION = "us-east-1"
_ONE_BY_ONE = "-parallelism=1"


class _Recorder(http.server.BaseHTTPRequestHandler):
    """Passes a request on as it is, so that its signature stays good, and keeps it if it is one of ECR's."""

    backend = ""
    exchanges: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(self.backend)
        connection.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self._keep(body, answer.status, content)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _keep(self, body: bytes, status: int, content: bytes) -> None:
        target = self.headers.get("X-Amz-Target")
        if target is None:
            return
        answer = json.loads(content)
        exchange = {
            "operation": target.rpartition(".")[2],
            "request": json.loads(body.decode().replace(_REGION, REGION)),
            "status": status,
            "error": answer["__type"] if status != 200 else None,
            "answer": steady(answer, _REGION) if status == 200 else None,
        }
        self.exchanges.append(exchange)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _run(root: Path, url: str) -> None:
    head = by_endpoints(url)
    first = Terraform(Sandbox(root / "box"), root / "first")
    first.init(head + resources() + TEMPLATE_DATA)
    first.apply(_ONE_BY_ONE)
    first.write(head + resources(changed=True))
    first.apply(_ONE_BY_ONE)
    again = Terraform(Sandbox(root / "box"), root / "second")
    imports = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in IMPORTS.items())
    again.init(head + resources(changed=True) + imports)
    again.apply(_ONE_BY_ONE)
    again.write(head + ENHANCED)
    again.apply(_ONE_BY_ONE)
    again.destroy()


def _told_once(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without reads that say again what one said since the last change."""
    kept: list[dict[str, Any]] = []
    since: list[dict[str, Any]] = []
    for exchange in exchanges:
        if not exchange["operation"].startswith(("Describe", "Get", "List")):
            since = []
        if exchange not in since:
            since.append(exchange)
            kept.append(exchange)
    return kept


def main() -> None:
    """Write the file anew."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", "fast")
    server.start()
    _Recorder.backend, _Recorder.exchanges = server.host, []
    proxy = http.server.HTTPServer(("127.0.0.1", 0), _Recorder)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        _run(root, f"http://127.0.0.1:{proxy.server_port}")
    finally:
        proxy.shutdown()
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    exchanges = _told_once(_Recorder.exchanges)
    RECORDED.write_text(json.dumps(exchanges, indent=1) + "\n")
    print(f"{len(exchanges)} exchanges")


if __name__ == "__main__":
    main()
