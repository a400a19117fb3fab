"""What the server says when it is ready."""

import sys
from pathlib import Path

import pytest

from moorage.cli.greeting import command_used, greeting
from moorage.config import load


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_carry_the_endpoint_and_can_be_pasted() -> None:
    text = greeting(load({}, {}).options.listening_on(5002), ".venv/bin/moorage", moved=None, first_start=False)
    assert "Moorage is ready at http://localhost:5002, its data in moorage-data." in text
    for command in (
        'eval "$(.venv/bin/moorage env)"',
        "aws ecr create-repository --repository-name hello --endpoint-url http://localhost:5002",
        "aws ecr get-login-password --endpoint-url http://localhost:5002 | docker login --username AWS --password-stdin localhost:5002",
        "docker tag hello-world localhost:5002/hello",
        "docker push localhost:5002/hello",
        "skopeo login --username AWS --password-stdin --tls-verify=false localhost:5002",
        "skopeo copy --dest-tls-verify=false docker://docker.io/library/hello-world:latest docker://localhost:5002/hello:latest",
    ):
        assert f"{command}\n" in text


def test_with_tls_nobody_is_told_to_switch_checks_off() -> None:
    options = load({"tls_cert": "c", "tls_key": "k", "address": "registry.example:5000"}, {}).options
    text = greeting(options, "moorage", moved=None, first_start=False)
    assert "https://registry.example:5000" in text
    assert "tls-verify" not in text


def test_a_data_directory_elsewhere_is_part_of_the_command(here: Path) -> None:
    text = greeting(load({"data_dir": "/srv/my data"}, {}).options, "moorage", moved=None, first_start=False)
    assert "eval \"$(moorage env --data-dir '/srv/my data')\"" in text


def test_a_moved_port_and_the_root_key_are_said_without_the_secret(here: Path) -> None:
    credentials = here / "moorage-data" / "root-credentials.json"
    credentials.parent.mkdir()
    credentials.write_text('{"access_key_id": "AKIA", "secret_access_key": "hunter2"}')
    text = greeting(load({}, {}).options, "moorage", moved="port 5000 is taken, using 5002 from now on", first_start=True)
    assert "Note: port 5000 is taken, using 5002 from now on." in text
    assert "written to moorage-data/root-credentials.json" in text
    assert "hunter2" not in text and "AKIA" not in text


def test_the_program_is_named_as_it_was_started(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = here / "bin" / "moorage"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", "")
    assert command_used("bin/moorage") == "bin/moorage"
    assert command_used("/opt/moorage") == "/opt/moorage"
    assert command_used("/x/moorage/__main__.py") == f"{sys.executable} -m moorage"
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_used(str(program)) == "moorage"
