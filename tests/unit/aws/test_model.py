import subprocess
import sys
from pathlib import Path

import pytest

from moorage.aws.model import Service


def test_the_ecr_model_is_the_contract_that_clients_were_generated_from() -> None:
    service = Service("ecr")
    assert service.target_prefix == "AmazonEC2ContainerRegistry_V20150921"
    assert service.signing_name == "ecr"
    assert service.json_version == "1.1"
    assert service.content_type == "application/x-amz-json-1.1"
    assert len(service.operation_names) == 62
    assert service.operation("PutImage").name == "PutImage"


def test_an_operation_that_the_service_does_not_have_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Service("ecr").operation("LaunchRocket")


def test_only_two_exceptions_have_members_next_to_their_message() -> None:
    service = Service("ecr")
    assert len(service.errors) == 50
    assert service.error_members == {
        "InvalidLayerPartException": {"registryId", "repositoryName", "uploadId", "lastValidByteReceived"},
        "KmsException": {"kmsError"},
    }


def test_importing_the_room_loads_neither_botocore_nor_a_model() -> None:
    modules = "canonical decode encode model operation requirements signature_errors sigv4 validate".split()
    room = Path(__file__).parents[3] / "src" / "moorage" / "aws"
    assert {path.stem for path in room.glob("*.py")} - {"__init__"} >= set(modules)
    script = f"import sys, {', '.join(f'moorage.aws.{name}' for name in modules)}; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
