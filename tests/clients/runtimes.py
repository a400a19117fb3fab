"""Runtimes that small programs of the tests are run by."""

from tests.clients.tool import Tool, asks, on_path

NODE = Tool("node", on_path("node"), asks("--version"), "Debian package nodejs")
JAVA = Tool("java", on_path("java"), asks("--version"), "Debian package default-jdk-headless")
KEYTOOL = Tool("keytool", on_path("keytool"), lambda _path: "of the JDK", "Debian package default-jre-headless")
TOOLS = (NODE, JAVA, KEYTOOL)
