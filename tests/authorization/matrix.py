"""The matrix: every entry, asked for by every persona, compared with what was typed by hand."""

import hashlib
import itertools
from dataclasses import replace
from functools import partial
from typing import Any

from tests.authorization import api_samples, samples
from tests.authorization.people import People, Person, furnish, token_of
from tests.authorization.personas import PERSONAS, Persona, Refusal, expected, without
from tests.authorization.place import ROOT, Answer, Ask, Place, operation
from tests.authorization.requirements import LINES, Line
from tests.authorization.samples import KEY_OF_HOLDER, OWN, Sample

OPERATIONS = {"ecr": samples.ECR, "sts": samples.STS, "cloudtrail": samples.CLOUDTRAIL, "iam": samples.IAM}
ROUTES = {"oci": (samples.OCI, samples.OCI_NAMES), "api": (api_samples.API, api_samples.NAMES)}
_REFUSALS = {"AccessDenied", "AccessDeniedException", "DENIED", "UNAUTHORIZED", "Not Authorized"}
_UNKNOWN_CALLER = {
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "Not Authorized",
}
_MOUNT = "[oci] POST uploads+mount"


def name_of(line: Line) -> str:
    """The key of a line's sample."""
    return f"{line.entry}+{line.variant}" if line.variant else line.entry


def several() -> tuple[str, ...]:
    """Every action of a line that needs, or knows, more than one: each is taken from somebody who has all others."""
    return tuple(sorted({action for line in LINES if len(line.actions) > 1 for action in line.actions}))


class Matrix:
    """Asks, and compares."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._holder = furnish(place)
        people = People(place)
        self.people = [people.make(persona) for persona in PERSONAS]
        self._all_but = {action: people.make(without(action)) for action in several()}
        self._root_password = token_of(place, ROOT)
        self._counter = itertools.count(1)

    def people_for(self, line: Line) -> list[Person]:
        """The personas, and for a line with several actions, those who have all of them but one."""
        others = [self._all_but[action] for action in line.actions] if len(line.actions) > 1 else []
        return [*self.people, *others]

    def complaints(self, line: Line) -> list[str]:
        """How the server differs from what was typed; in the order of the personas."""
        said = (self.complaint(line, person) for person in self.people_for(line))
        return [each for each in said if each]

    def complaint(self, line: Line, person: Person) -> str:
        """How the server differs for one persona, or an empty text."""
        wanted = expected(line, person.persona, person.arn, partial(self.arn, line, person))
        answer = self.answer(line, person)
        fault = self._fault(line, wanted, answer, person.persona)
        if not fault:
            return ""
        said = " ".join(answer.error)
        return f"{line} for {person.persona}: {fault}; expected {wanted or 'to be let pass'}, got {answer.status} {said}"

    def _fault(self, line: Line, wanted: Refusal | None, answer: Answer, persona: Persona) -> str:
        if answer.status >= 500:
            return "the server failed"
        if str(line) == _MOUNT and (wanted is None or wanted.place):
            # A mount from what may not be read is no error but an ordinary upload (distribution-spec, end-11).
            return "" if answer.status == (201 if wanted is None else 202) else "not mounted as it should be"
        code, message = answer.error
        head_refused = line.entry.startswith("HEAD") and answer.status in {401, 403}
        refused = code in _REFUSALS | _UNKNOWN_CALLER or head_refused
        if wanted is None:
            return "refused" if refused else ""
        if not refused:
            return "let pass"
        if head_refused:
            return "" if answer.status == (401 if persona.anonymous else 403) else "refused otherwise"
        if not wanted.text:
            return "" if code in _UNKNOWN_CALLER else "refused otherwise"
        return "" if message == wanted.text else "refused for another reason"

    # --- requests -----------------------------------------------------------------------------------------------------

    def sample(self, line: Line) -> Sample:
        """Of an operation: its parameters, with nothing left open."""
        found = OPERATIONS[line.section][name_of(line)]
        parameters: dict[str, Any] = {
            key: self._holder.id if value == KEY_OF_HOLDER else value for key, value in found.parameters.items()
        }
        return replace(found, parameters=parameters)

    def ask(self, line: Line) -> Ask:
        """The request of a line."""
        if line.section in OPERATIONS:
            return operation(line.section, line.entry, self.sample(line).parameters)
        found = ROUTES[line.section][0][name_of(line)]
        return self._mount(found) if str(line) == _MOUNT else found

    def answer(self, line: Line, person: Person) -> Answer:
        """What a person gets for the request of a line."""
        ask = self.ask(line)
        if line.section == "oci":
            return self.place.ask(ask, password=person.password)
        return self.place.ask(ask, person.keys)

    def arn(self, line: Line, person: Person, kind: str) -> str:
        """The ARN of what a line's request names, were the person of the default account."""
        if line.section in OPERATIONS:
            found = self.sample(line).arn(kind)
            return person.identity_arn if found == OWN else found
        return ROUTES[line.section][1].get(name_of(line), {}).get(kind) or samples.ABSENT[kind]

    def _mount(self, ask: Ask) -> Ask:
        """Of a blob that the source has and the target never had."""
        data = b"blob %d" % next(self._counter)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        upload = Ask("POST", "/v2/source/app/blobs/uploads/", {"digest": digest}, body=data)
        assert self.place.ask(upload, password=self._root_password).status == 201
        return replace(ask, query={**ask.query, "mount": digest})
