"""Runtimes that small programs of the tests are run by."""

import re
from pathlib import Path

from tests.clients.go_programs import cache
from tests.clients.tool import Tool, asks, on_path

ASKS = Path(__file__).with_name("sdk-java") / "Asks.java"
"""Asks a registry through the AWS SDK for Java."""


def _java_sdk_version() -> str:
    (version, *_) = re.findall(r"<version>(2\..+)</version>", ASKS.with_name("pom.xml").read_text())
    return str(version)


def _java_sdk() -> str | None:
    """The file with its class path; what it names must still be there."""
    path = cache() / f"sdk-java-{_java_sdk_version()}.classpath"
    parts = path.read_text().strip().split(":") if path.exists() else []
    return str(path) if parts and all(Path(part).exists() for part in parts) else None


NODE = Tool("node", on_path("node"), asks("--version"), "Debian package nodejs")
JAVA = Tool("java", on_path("java"), asks("--version"), "Debian package default-jdk-headless")
KEYTOOL = Tool("keytool", on_path("keytool"), lambda _path: "of the JDK", "Debian package default-jre-headless")
SDK_JAVA = Tool(
    "sdk-java", _java_sdk, lambda _path: f"AWS SDK for Java {_java_sdk_version()}", "from Maven: scripts/fetch-java-sdk"
)
TOOLS = (NODE, JAVA, KEYTOOL, SDK_JAVA)
