"""ECR's operations on how single repositories are scanned; the registry's rules are `registries.scanning`."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Registry, Requirement
from moorage.registries import store as registries
from moorage.registries.errors import ValidationError
from moorage.registries.scanning import ENHANCED, ScanningConfiguration, describe_filters
from moorage.repositories import store
from moorage.repositories.model import Repository
from moorage.storage.database.transaction import Transaction


class RepositoryScanningOperations:
    """PutImageScanningConfiguration and BatchGetRepositoryScanningConfiguration."""

    @operation("PutImageScanningConfiguration", requires=(Requirement(("ecr:PutImageScanningConfiguration",)),), mode="write")
    def put_image_scanning_configuration(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Set the repository's own scan-on-push flag, which says nothing while the registry scans in the enhanced way."""
        repository = store.get(tx, call.registry, params["repositoryName"])
        if registries.scanning_of(tx, call.registry.id).scan_type == ENHANCED:
            raise ValidationError("This feature is disabled")
        scan_on_push = bool(params["imageScanningConfiguration"].get("scanOnPush"))
        store.set_scan_on_push(tx, repository.id, scan_on_push)
        return {
            "registryId": call.registry.account_id,
            "repositoryName": repository.name,
            "imageScanningConfiguration": {"scanOnPush": scan_on_push},
        }

    @operation(
        "BatchGetRepositoryScanningConfiguration",
        requires=(Requirement(("ecr:BatchGetRepositoryScanningConfiguration",), "repositories"),),
        mode="read",
    )
    def batch_get_repository_scanning_configuration(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """What holds for each of the repositories, in the order named; unknown ones are failures."""
        configuration = registries.scanning_of(tx, call.registry.id)
        found: list[Answer] = []
        failures: list[Answer] = []
        for name in dict.fromkeys(params["repositoryNames"]):
            repository = store.find(tx, call.registry, name)
            if repository is None:
                code = "REPOSITORY_NOT_FOUND"
                failures.append({"repositoryName": name, "failureCode": code, "failureReason": code})
            else:
                found.append(_entry(call.registry, repository, configuration))
        return {"scanningConfigurations": found, "failures": failures}


def _entry(registry: Registry, repository: Repository, configuration: ScanningConfiguration) -> Answer:
    effective = configuration.effective(repository.name, scan_on_push=repository.scan_on_push)
    return {
        "repositoryArn": registry.repository_arn(repository.name),
        "repositoryName": repository.name,
        "scanOnPush": effective.on_push,
        "scanFrequency": effective.frequency,
        "appliedScanFilters": describe_filters(effective.filters),
    }
