"""Terraform's AWS provider, unmodified: apply, an empty second plan, updates in place, import, destroy, and what it reads."""

import json
import sys

import pytest

from tests.clients.terraform import Terraform
from tests.clients.tool import Sandbox
from tests.e2e.dropin import DropIn
from tests.e2e.http import push
from tests.e2e.images import small
from tests.e2e.namespace import InsideSandbox
from tests.e2e.registry import Registry
from tests.terraform import access
from tests.terraform.configurations import BY_NAMES, DATA, ENHANCED, IMPORTS, TEMPLATE_DATA, by_endpoints, resources

pytestmark = [pytest.mark.xdist_group("dropin"), pytest.mark.requires_client("terraform", "terraform-aws")]


LIST = """\
import boto3, json
ecr = boto3.client("ecr")
names = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
templates = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
scanning = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
print(json.dumps([[name for name in names if name.startswith("terraform/")], templates, scanning]))
"""


@pytest.mark.timeout(400)
def test_everything_is_applied_changed_imported_and_destroyed(dropin: DropIn, inside: InsideSandbox) -> None:
    terraform = Terraform(inside, inside.root / "first")
    terraform.init(BY_NAMES + resources() + TEMPLATE_DATA)
    terraform.apply()
    template = terraform.outputs()["template"]
    assert template["applied_for"] == ["PULL_THROUGH_CACHE", "REPLICATION"]
    assert template["resource_tags"] == {"team": "red", "empty": ""}
    terraform.write(BY_NAMES + resources(changed=True))
    actions = terraform.planned_actions()
    assert set(map(tuple, actions.values())) == {("update",)}, actions
    terraform.apply()

    again = Terraform(inside, inside.root / "second")
    imports = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in IMPORTS.items())
    again.init(BY_NAMES + resources(changed=True) + imports)
    # `force_delete` is Terraform's own and no part of the repository.
    assert again.planned_actions() == {"aws_ecr_repository.full": ["update"]}
    again.apply()
    again.write(BY_NAMES + ENHANCED)
    again.apply()
    again.destroy()
    made = json.loads(inside.run(sys.executable, "-c", LIST, env={"AWS_CA_BUNDLE": str(dropin.authority)}).out)
    assert made == [[], [], {"scanType": "BASIC", "rules": []}]


@pytest.mark.timeout(200)
def test_what_stands_in_a_registry_is_read_through_endpoints(registry: Registry, box: Sandbox, repository: str) -> None:
    older, newer = small("terraform 1"), small("terraform 2")
    push(registry.http, repository, older, "1")
    push(registry.http, repository, newer, "2", "latest")
    arn = registry.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryArn"]
    registry.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "red"}])
    terraform = Terraform(box, box.root / "data")
    terraform.init(by_endpoints(f"http://{registry.host}") + DATA.replace("terraform/data", repository))
    terraform.apply()
    read = terraform.outputs()
    seen = read["repository"]
    assert (seen["repository_url"], seen["arn"], seen["tags"]) == (f"{registry.host}/{repository}", arn, {"team": "red"})
    assert sorted(seen["most_recent_image_tags"]) == ["2", "latest"]
    assert repository in read["repositories"]
    assert (read["tagged"]["image_tags"], read["tagged"]["image_digest"]) == (["1"], older.digest)
    assert read["tagged"]["image_uri"] == f"{registry.host}/{repository}@{older.digest}"
    assert (sorted(read["newest"]["image_tags"]), read["newest"]["image_digest"]) == (["2", "latest"], newer.digest)
    assert (read["account"], read["user"], read["proxy"]) == ("123456789012", "AWS", f"http://{registry.host}")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("connection", ["fast"], indirect=True)  # it is long, and says nothing about connections
def test_iam_is_applied_changed_imported_and_destroyed(registry: Registry, box: Sandbox) -> None:
    head = by_endpoints(f"http://{registry.host}")
    terraform = Terraform(box, box.root / "iam")
    terraform.init(head + access.access())
    terraform.apply()
    terraform.write(head + access.access(changed=True))
    actions = terraform.planned_actions()
    assert actions and set(map(tuple, actions.values())) == {("update",)}, actions
    terraform.apply()
    terraform.write(head + access.access(changed=True) + access.DATA)
    terraform.apply()
    read = terraform.outputs()["read"]
    account = "arn:aws:iam::123456789012"
    assert (read["caller"], read["user"], read["role"], read["members"], read["managed"], read["allowed"]) == (
        f"{account}:root",
        f"{account}:user/ci/terraform-ci",
        f"{account}:role/terraform/terraform-push",
        ["terraform-ci"],
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        {"ecr:PutImage": "implicitDeny", "ecr:DeleteRepository": "implicitDeny"},
    )
    again = Terraform(box, box.root / "iam-again")
    imports = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in access.IMPORTS.items())
    again.init(head + access.access(changed=True) + imports)
    planned = again.planned_actions()
    # `force_destroy` is Terraform's own; until it is written, what names the user is not known, the role's trust included.
    changes = {address: planned[address] for address in access.IMPORTS if address in planned}
    assert changes == {"aws_iam_user.ci": ["update"], "aws_iam_role.push": ["update"]}, changes
    terraform.destroy()
