"""Policy evaluation as one would write it down from IAM's user guide: every rule in the open, no thought of speed.

It shares nothing with `moorage.iam` but the values that documents are read into. Differences are findings.
"""

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import ip_address, ip_network

from moorage.core.call import Principal
from moorage.iam.document import Condition, Document, Statement
from moorage.iam.principal import NamedPrincipal

Documents = list[Document]
Context = dict[str, tuple[str, ...]]
VARIABLE = re.compile(r"\$\{(?:([*?$])|\s*([\w:/.@+=-]+(?: [\w:/.@+=-]+)*)\s*(?:,\s*'([^']*)'\s*)?)\}")
DATE = r"\d{4}-\d\d(-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?)?"


@dataclass
class Case:
    """Everything that a decision depends on."""

    principal: Principal
    action: str
    resource: str
    context: Context
    owner: str
    identity: Documents = field(default_factory=list)
    boundary: Documents | None = None
    session: Documents | None = None
    control: Documents | None = None
    owners: Documents = field(default_factory=list)
    trust: bool = False
    bound: dict[str, str] = field(default_factory=dict)


def decide(case: Case) -> tuple[str, str]:
    """The outcome and the layer that decided it: A1.2 to A1.4 of the reference."""
    caller, resource = case.principal, "role trust policy" if case.trust else "resource-based policy"
    session = [] if case.session is None and caller.kind == "FederatedUser" else case.session
    layers = [("service control policy", case.control), ("identity-based policy", case.identity)]
    layers += [("permissions boundary", case.boundary), ("session policy", session)]
    said = {name: [s.effect for d in docs or () for s in d.statements if applies(s, d, case)] for name, docs in layers}
    meaning = [s for d in case.owners for s in d.statements if applies(s, d, case) and is_meant(s, case)]
    said = {"service control policy": said.pop("service control policy"), resource: [s.effect for s in meaning], **said}
    for name, effects in said.items():
        if "Deny" in effects:
            return "explicitDeny", name
    limits = {name: documents is None or "Allow" in said[name] for name, documents in layers}
    if not limits["service control policy"]:
        return "implicitDeny", "service control policy"
    rows = [row for s in meaning for row in rows_of(s, case)]
    if caller.kind not in {"Root", "IAMUser", "AssumedRole", "FederatedUser"}:
        return ("allowed" if rows else "implicitDeny"), resource
    identity = caller.kind == "Root" or "Allow" in said["identity-based policy"]
    own = "root" if caller.kind == "Root" else "identity-based policy"
    missing = [name for name in ("permissions boundary", "session policy") if not limits[name]]
    if caller.account_id != case.owner:
        absent = ([] if identity else [own]) + missing + ([] if rows else [resource])
        return ("implicitDeny", absent[0]) if absent else ("allowed", resource)
    if case.trust and not rows:
        return "implicitDeny", resource
    if identity and not missing:
        return "allowed", resource if case.trust else own
    if "enough" in rows or ("limited" in rows and not missing):
        return "allowed", resource
    return "implicitDeny", missing[0] if missing and (identity or "limited" in rows) else own


def rows_of(statement: Statement, case: Case) -> list[str]:
    """The table A1.3, for an Allow."""
    if statement.not_principals is not None:
        return ["limited"]
    found = [row(named, case) for named in statement.principals or ()]
    return [each for each in found if each]


def row(named: NamedPrincipal, case: Case) -> str:
    """What it does for the caller that a policy names it so; nothing if it means somebody else."""
    caller, kind = case.principal, str(named.kind)
    text, unique_id = named.canonical, case.bound.get(named.canonical)
    if kind == "anyone":
        return "" if caller.kind == "WebIdentityUser" else "enough"
    if kind == "account":
        in_account = caller.kind in {"Root", "IAMUser", "AssumedRole", "FederatedUser"}
        return "delegated" if in_account and caller.account_id == named.account_id else ""
    if kind == "federated":
        return "enough" if caller.kind == "WebIdentityUser" and caller.identity_arn == named.name else ""
    if kind in {"user", "role", "unique id"}:
        by_id = named.name if kind == "unique id" else unique_id
        is_it = caller.identity_id == by_id if by_id else text in {caller.identity_arn, caller.maker_arn}
        return "" if not is_it else "enough" if caller.kind == "IAMUser" else "limited"
    return "enough" if kind in {"assumed-role", "federated-user"} and caller.arn == text else ""


def is_meant(statement: Statement, case: Case) -> bool:
    """Whether a statement of a resource's policy speaks of the caller at all."""
    deny, web = statement.effect == "Deny", case.principal.kind == "WebIdentityUser"
    if statement.not_principals is None:
        anyone = deny and any(str(named.kind) == "anyone" for named in statement.principals or ())
        return anyone or any(row(named, case) for named in statement.principals or ())
    if any(str(named.kind) == "anyone" for named in statement.not_principals) or (web and not deny):
        return False
    rows = [row(named, case) for named in statement.not_principals]
    exempting = rows if not deny or case.principal.kind == "Root" else [each for each in rows if each != "delegated"]
    return not any(exempting)


def applies(statement: Statement, document: Document, case: Case) -> bool:
    """Whether action, resource and all conditions fit."""
    deny, new = statement.effect == "Deny", document.version == "2012-10-17"
    listed = statement.actions or statement.not_actions or ()
    if any(re.fullmatch(glob(p, {}, False), case.action, re.IGNORECASE) for p in listed) != (statement.actions is not None):
        return False
    positive = statement.resources is not None
    listed = statement.resources or statement.not_resources or ()
    if listed and any(is_resource(p, case, new, deny == positive) for p in listed) != positive:
        return False
    answers = [holds(condition, case.context, new, deny) for condition in statement.conditions]
    return all(deny if answer is None else answer for answer in answers)


def is_resource(pattern: str, case: Case, new: bool, wild_service: bool) -> bool:
    """A2.2; variables only after the fifth colon; a wildcard for the service counts where that is to the caller's harm."""
    if pattern == "*":
        return True
    *first, last = pattern.split(":", 5)
    ending = glob(last, case.context, new)
    wild = [wild_service or place != 2 for place in range(5)]
    start = ":".join(glob(part, {}, False, "[^:]", w) for part, w in zip(first, wild, strict=True))
    return re.fullmatch(f"{start}:{ending}", case.resource, re.DOTALL) is not None


def glob(pattern: str, context: Context, new: bool, within: str = ".", wild: bool = True) -> str:
    """A2.4: the regular expression of a pattern, which matches nothing if a variable cannot be resolved."""
    made, end = "", 0
    for found in VARIABLE.finditer(pattern) if new else ():
        made += plain(pattern[end : found.start()], within, wild)
        values = context.get((found[2] or "").lower(), ())
        value = found[1] or (found[3] if not values else values[0] if len(values) == 1 else None)
        made += "(?!)" if value is None else re.escape(value)
        end = found.end()
    return made + plain(pattern[end:], within, wild)


def plain(text: str, within: str, wild: bool) -> str:
    wildcards = {"*": f"{within}*", "?": within} if wild else {}
    return "".join(wildcards.get(character, re.escape(character)) for character in text)


def holds(condition: Condition, context: Context, new: bool, deny: bool) -> bool | None:
    """A2.3, the truth rules; None where values cannot be compared."""
    values = context.get(condition.key.lower(), ())
    if condition.operator == "Null":
        asked = {value.lower() for value in condition.values}
        return True if str(not values).lower() in asked else None if asked - {"true", "false"} else False
    negated = "Not" in condition.operator
    if not values:
        return condition.if_exists or (condition.over == "ForAllValues" if condition.over else negated)
    answers = []
    for value in values:
        each = [compare(condition.operator.replace("Not", ""), value, wanted, context, new) for wanted in condition.values]
        one = True if True in each else None if None in each else False
        answers.append(one if one is None else one != negated)
    all_must_pass = condition.over == "ForAllValues" or (negated and not condition.over)
    if "tag/" in condition.key.lower():  # two tags that conditions do not tell apart count against the caller
        all_must_pass = not deny
    worst, best = (False, True) if all_must_pass else (True, False)
    return worst if worst in answers else None if None in answers else best


def compare(operator: str, value: str, wanted: str, context: Context, new: bool) -> bool | None:
    """A2.3, the operators: one value of the request, one of the policy."""
    try:
        if operator.startswith("String"):
            expression = glob(wanted, context, new, wild=operator == "StringLike")
            return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if "IgnoreCase" in operator else 0)) is not None
        if operator.startswith("Arn"):
            return arn_like(wanted, value, context, new)
        if operator == "IpAddress":
            address, network = ip_address(value), ip_network(wanted, strict=False)
            if "::ffff:" in wanted:
                old = str(network.network_address.exploded)[-9:].replace(":", "")
                network = ip_network((int(old, 16), network.prefixlen - 96))
            return (getattr(address, "ipv4_mapped", None) or address) in network
        if operator == "Bool":
            return {"true": True, "false": False}[value.lower()] is {"true": True, "false": False}[wanted.lower()]
        if operator == "BinaryEquals":
            return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
        left, right = (seconds(value), seconds(wanted)) if operator.startswith("Date") else (Fraction(value), Fraction(wanted))
    except (ValueError, KeyError):
        return None
    order = operator.removeprefix("Date").removeprefix("Numeric")
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[order]


def arn_like(wanted: str, value: str, context: Context, new: bool) -> bool | None:
    if value.count(":") < 5 or not value.startswith("arn:"):
        raise ValueError
    if wanted == "*":
        return True
    hidden = VARIABLE.sub(lambda found: found[0].replace(":", "\0"), wanted) if new else wanted
    parts = [part.replace("\0", ":") for part in hidden.split(":", 5)]
    if len(parts) < 6:
        raise ValueError
    return all(re.fullmatch(glob(p, context, new), text, re.DOTALL) for p, text in zip(parts, value.split(":", 5), strict=True))


def seconds(text: str) -> Fraction:
    if re.fullmatch(r"-?\d+(\.\d*)?", text):
        return Fraction(text)
    if not re.fullmatch(DATE, text):
        raise ValueError
    at = datetime.fromisoformat(text.upper() if len(text) > 7 else f"{text}-01")
    return Fraction((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
