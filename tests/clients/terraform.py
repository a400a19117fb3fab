"""Terraform with its AWS provider, both from the machine: it never asks the network for either."""

import json
from pathlib import Path
from typing import Any

from tests.clients.tool import Result, Sandbox, Tool, asks, on_path
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

_PROVIDER = "registry.terraform.io/hashicorp/aws"
_MIRRORS = ("~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")


def _mirror() -> str | None:
    """A folder of providers that holds Amazon's: one where Terraform looks by itself, or one that somebody put into /opt."""
    candidates = [*(Path(each).expanduser() for each in _MIRRORS), *sorted(Path("/opt").glob("*"))]
    return next((str(folder) for folder in candidates if (folder / _PROVIDER).is_dir()), None)


def _provider_version(mirror: str) -> str:
    return f"hashicorp/aws {max(path.name for path in (Path(mirror) / _PROVIDER).iterdir())}"


TERRAFORM = Tool("terraform", on_path("terraform"), asks("version"), "from its makers")
PROVIDER = Tool("terraform-aws", _mirror, _provider_version, "provider hashicorp/aws in a local mirror")
TOOLS = (TERRAFORM, PROVIDER)


_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    "TF_CLI_CONFIG_FILE": "/dev/null",
    "CHECKPOINT_DISABLE": "1",
    "TF_IN_AUTOMATION": "1",
}


class Terraform:
    """A working directory of Terraform in a sandbox."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self.box = box
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, *words: str, check: bool = True) -> Result:
        """Run a command."""
        return self.box.run(TERRAFORM.path(), *words, check=check, env=_ENVIRONMENT, cwd=self.folder)

    def init(self, configuration: str) -> None:
        """Write the configuration and take the provider up."""
        self.write(configuration)
        self("init", "-input=false", "-no-color", f"-plugin-dir={PROVIDER.path()}")

    def write(self, configuration: str) -> None:
        """Replace the configuration."""
        (self.folder / "main.tf").write_text(configuration)

    def apply(self, *words: str) -> None:
        """Apply it; a second plan must be empty."""
        self("apply", "-auto-approve", "-input=false", "-no-color", *words)
        self.expect_no_changes()

    def expect_no_changes(self) -> None:
        """A plan finds nothing to do, and no attribute that drifted."""
        planned = self("plan", "-detailed-exitcode", "-input=false", "-no-color", check=False)
        assert planned.code == 0, str(planned)

    def planned_actions(self) -> dict[str, list[str]]:
        """What a plan would do, by address; data sources and what stays left out."""
        self("plan", "-input=false", "-no-color", "-out=plan")
        changes = json.loads(self("show", "-json", "plan").out)["resource_changes"]
        actions = {each["address"]: each["change"]["actions"] for each in changes}
        return {address: done for address, done in actions.items() if done not in (["no-op"], ["read"])}

    def outputs(self) -> dict[str, Any]:
        """The values of the outputs, by name."""
        return {name: each["value"] for name, each in json.loads(self("output", "-json").out).items()}

    def destroy(self) -> None:
        """Destroy all of it."""
        self("destroy", "-auto-approve", "-input=false", "-no-color")
