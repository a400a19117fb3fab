"""Account settings: their names, values and defaults (ECR API: PutAccountSetting). Pure."""

from dataclasses import dataclass

from moorage.core.errors import InvalidParameterError
from moorage.registries.errors import ValidationError

BASIC_SCAN_TYPE_VERSION = "BASIC_SCAN_TYPE_VERSION"
REGISTRY_POLICY_SCOPE = "REGISTRY_POLICY_SCOPE"
BLOB_MOUNTING = "BLOB_MOUNTING"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    values: tuple[str, ...]
    default: str


SETTINGS = {
    BASIC_SCAN_TYPE_VERSION: Setting(("AWS_NATIVE",), "AWS_NATIVE"),
    REGISTRY_POLICY_SCOPE: Setting(("V1", "V2"), "V2"),
    # ECR documents no default, and mounting needs the right to read the source in any case.
    BLOB_MOUNTING: Setting(("ENABLED", "DISABLED"), "ENABLED"),
}

_WITHDRAWN = "CLAIR"
"""A value of BASIC_SCAN_TYPE_VERSION that older clients know: AWS has withdrawn that scanner, and there is none here."""


def setting(name: str) -> Setting:
    """The setting of that name; names are case-sensitive. Raises InvalidParameterError."""
    found = SETTINGS.get(name)
    if found is None:
        raise InvalidParameterError.at("name", f"Member must satisfy enum value set: [{', '.join(SETTINGS)}]")
    return found


def check_value(name: str, value: str) -> None:
    """Raise InvalidParameterError for a value that the setting never has, ValidationError for one that is withdrawn."""
    values = setting(name).values
    if name == BASIC_SCAN_TYPE_VERSION and value == _WITHDRAWN:
        raise ValidationError(f"The value {_WITHDRAWN} of {name} is no longer supported. Use {values[0]}.")
    if value not in values:
        raise InvalidParameterError.at("value", f"Member must satisfy enum value set: [{', '.join(values)}]")
