"""Who asks, and what is expected to happen, from what was typed by hand in `personas.txt` and `requirements.txt`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.authorization.place import ACCOUNT
from tests.authorization.requirements import Line
from tests.authorization.samples import ABSENT

PATH = Path(__file__).with_name("personas.txt")
READ_ONLY = "AmazonEC2ContainerRegistryReadOnly"
PULL_ONLY = "AmazonEC2ContainerRegistryPullOnly"
POWER_USER = "AmazonEC2ContainerRegistryPowerUser"
FULL_ACCESS = "AmazonEC2ContainerRegistryFullAccess"
PUSH_ONLY = "push only"
EVERYTHING = "everything"
"""These two are no policies of AWS's: the second is `*`, which the other policies are held against."""
INLINE = (PUSH_ONLY, EVERYTHING)


def read(text: str) -> Mapping[str, frozenset[str]]:
    """The lists of such a file, by name."""
    lists: dict[str, set[str]] = {}
    name = ""
    for line in (raw.strip() for raw in text.splitlines()):
        if line.startswith("["):
            name = line.strip("[]")
            lists[name] = set()
        elif line and not line.startswith("#"):
            lists[name].add(line)
    return {name: frozenset(entries) for name, entries in lists.items()}


LISTS = {**read(PATH.read_text()), EVERYTHING: frozenset({"*"})}
_REACHES_ANOTHER = LISTS["reaches another account"]
_LONG_TERM_ONLY = LISTS["long-term keys only"]


def allows(policy: str, action: str) -> bool:
    """Whether the policy of that name allows an action."""
    listed = LISTS[policy]
    return bool(listed & {action, "*", f"{action.partition(':')[0]}:*"})


@dataclass(frozen=True, slots=True)
class Persona:
    """Who asks, as its policies are."""

    name: str
    identity: str | None = None
    """The policy that it holds."""
    boundary: str | None = None
    session: str | None = None
    """The session policy; whoever has one is a session of a role."""
    denied: bool = False
    """Whether everything is explicitly denied to it."""
    without: str = ""
    """An action that its policy leaves out."""
    only_on: str = ""
    """The one resource that its policy is about; empty for every one."""
    abroad: bool = False
    """Whether it is of another account than what is asked for."""
    anonymous: bool = False

    def __str__(self) -> str:
        return self.name


PERSONAS = (
    Persona("anonymous", anonymous=True),
    Persona("wrong-account", EVERYTHING, abroad=True),
    Persona("no-policy"),
    Persona("read-only", READ_ONLY),
    Persona("pull-only", PULL_ONLY),
    Persona("power-user", POWER_USER),
    Persona("push-only", PUSH_ONLY),
    Persona("full-access", FULL_ACCESS),
    Persona("administrator", EVERYTHING),
    Persona("one-repository", EVERYTHING, only_on=ABSENT["repository"]),
    Persona("boundary", EVERYTHING, boundary=READ_ONLY),
    Persona("session-policy", EVERYTHING, session=PULL_ONLY),
    Persona("explicit-deny", EVERYTHING, denied=True),
)


def without(action: str) -> Persona:
    """Who may do everything but one thing."""
    return Persona("all-but-" + action.replace(":", "-"), EVERYTHING, without=action)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal, and what it must say."""

    text: str = ""
    """The whole text; empty for a caller who is not known."""
    place: int = 0
    """Which of the line's requirements is not met."""


def expected(line: Line, persona: Persona, arn: str, resource: Callable[[str], str]) -> Refusal | None:
    """What must happen to a persona: a refusal, or none. `resource` tells the ARN of each kind that the sample names."""
    if persona.anonymous:
        return None if line.is_open else Refusal()
    if persona.session and f"{line.section} {line.entry}" in _LONG_TERM_ONLY:
        return Refusal(f"Cannot call {line.entry} with session credentials")
    if persona.abroad and line.installation:
        return Refusal(_text(arn, line.actions[0], "*", "because the {} action is reserved to the account " + ACCOUNT))
    for place, need in enumerate(line.needs):
        named = resource(need.resource)
        refused = [(action, why) for action in need.actions if (why := _why(line, persona, action, named))]
        if refused and (not need.any_of or len(refused) == len(need.actions)):
            action, why = refused[0]
            return Refusal(_text(arn, action, named, why), place)
    return None


def _why(line: Line, persona: Persona, action: str, resource: str) -> str:
    """Why an action is refused to a persona, as AWS ends the sentence ("Access denied error messages"); empty if it is not."""
    if persona.denied:
        return "with an explicit deny in an identity-based policy"
    if line.entry == "AssumeRole" and persona.abroad:
        return "because no role trust policy allows the {} action"
    elsewhere = persona.only_on not in {"", resource}
    if persona.identity is None or elsewhere or action == persona.without or not allows(persona.identity, action):
        return "because no identity-based policy allows the {} action"
    if persona.boundary and not allows(persona.boundary, action):
        return "because no permissions boundary allows the {} action"
    if persona.session and not allows(persona.session, action):
        return "because no session policy allows the {} action"
    if persona.abroad and (line.section == "oci" or f"{line.section} {line.entry}" in _REACHES_ANOTHER):
        return "because no resource-based policy allows the {} action"
    return ""


def _text(arn: str, action: str, resource: str, why: str) -> str:
    return f"User: {arn} is not authorized to perform: {action} on resource: {resource} {why.format(action)}"
