"""What a search asks, as conditions on rows of the database."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from moorage.images.search import Label, Pattern, Platform, Search, Span
from moorage.storage.database.schema.images import image_children, images, tags

_AFTER_ALL = "\U0010ffff"
"""Sorts behind every character of tags, digests and repository names."""

_other_tags = tags.alias("other_tags")


def on_image(search: Search, *, but: str | None = None) -> list[sa.ColumnElement[bool]]:
    """All that is asked of an image, but for the span of the column `but`, which the order of a walk sees to."""
    found: list[sa.ColumnElement[bool]] = []
    if search.digest is not None:
        found += begins(images.c.digest, search.digest)
    if search.media_type is not None:
        found.append(images.c.media_type == search.media_type)
    if search.artifact_type is not None:
        found.append(images.c.artifact_type == search.artifact_type)
    if but != "pushed_at":
        found += within(images.c.pushed_at, search.pushed)
    if but != "last_pulled_at":
        found += pulled(search.pulled)
    if search.platform is not None:
        found.append(_has_platform(search.platform))
    if search.tagged is not None:
        on_it = sa.exists(sa.select(_other_tags.c.name).where(_other_tags.c.image_id == images.c.id))
        found.append(on_it if search.tagged else ~on_it)
    if search.tag is not None and search.order != "tag":
        name = _other_tags.c.name
        fits = (name == search.tag.text) if search.tag.is_exact else matches(name, search.tag)
        found.append(sa.exists(sa.select(name).where(_other_tags.c.image_id == images.c.id, fits)))
    if search.labels:  # last: it costs most
        found.append(_has_labels(search.labels))
    return found


def _has_labels(labels: Sequence[Label]) -> sa.ColumnElement[bool]:
    """However many are asked for, the labels of an image are read once."""
    wanted: dict[str, set[str]] = {}
    for label in labels:
        wanted.setdefault(label.key, set()).update(() if label.value is None else {label.value})
    if any(len(values) > 1 for values in wanted.values()):
        return sa.false()
    entries = sa.func.json_each(images.c.labels).table_valued("key", "value")
    each = [sa.and_(entries.c.key == key, *(entries.c.value == value for value in values)) for key, values in wanted.items()]
    count = sa.select(sa.func.count()).select_from(entries).where(sa.or_(*each)).scalar_subquery()
    return count == len(wanted)


def _has_platform(platform: Platform) -> sa.ColumnElement[bool]:
    child = images.alias("child")
    named = (
        sa.select(sa.literal(1))
        .select_from(image_children)
        .join(child, child.c.id == image_children.c.child_id)
        .where(image_children.c.image_id == images.c.id, _runs_on(child, platform))
    )
    return sa.or_(_runs_on(images, platform), sa.exists(named))


def _runs_on(table: sa.FromClause, platform: Platform) -> sa.ColumnElement[bool]:
    found = [table.c.os == platform.os]
    if platform.architecture is not None:
        found.append(table.c.architecture == platform.architecture)
    if platform.variant is not None:
        stated = table.c.variant == platform.variant
        found.append(sa.or_(stated, table.c.variant.is_(None)) if platform.may_lack_variant else stated)
    return sa.and_(*found)


def within(column: sa.ColumnElement[int], span: Span) -> list[sa.ColumnElement[bool]]:
    """The time is in the span."""
    found = [] if span.after is None else [column >= span.after]
    return found if span.before is None else [*found, column < span.before]


def pulled(span: Span) -> list[sa.ColumnElement[bool]]:
    """The image was last pulled in the span, or never where only its end is set."""
    if span.is_open:
        return []
    found = sa.and_(*within(images.c.last_pulled_at, span))
    return [found if span.after is not None else sa.or_(found, images.c.last_pulled_at.is_(None))]


def begins(column: sa.ColumnElement[str], prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The text begins so, as a range of an index."""
    return (column >= prefix, column < prefix + _AFTER_ALL) if prefix else ()


def named(column: sa.ColumnElement[str], pattern: Pattern) -> tuple[sa.ColumnElement[bool], ...]:
    """The text is the one that the pattern stands for, or begins as the pattern does."""
    return (column == pattern.text,) if pattern.is_exact else begins(column, pattern.prefix)


def matches(column: sa.ColumnElement[str], pattern: Pattern) -> sa.ColumnElement[bool]:
    """GLOB, since LIKE ignores case; the characters that mean something to GLOB and not to us stand for themselves."""
    escaped = "".join(f"[{letter}]" if letter in "?[" else letter for letter in pattern.text)
    return column.op("GLOB", is_comparison=True)(escaped)


def among(column: sa.ColumnElement[int], ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """One parameter, however many ids: SQLite counts parameters."""
    if len(ids) == 1:
        return column == ids[0]
    every: Any = every_of(ids)
    return column.in_(sa.select(every.c.value))


def every_of(ids: Sequence[int]) -> sa.TableValuedAlias:
    """The ids as a table with the column `value`."""
    return sa.func.json_each(json.dumps(list(ids))).table_valued("value")
