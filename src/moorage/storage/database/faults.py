"""Faults of the database, in the words of the core."""

import sqlalchemy as sa

from moorage.core.errors import StorageFullError, UnavailableError

_UNAVAILABLE = ("locked", "busy", "disk i/o error", "unable to open", "readonly")


def translated(error: Exception) -> Exception:
    """A full disk becomes StorageFullError, a database that does not answer UnavailableError; others stay as they are."""
    if not isinstance(error, sa.exc.DBAPIError) or isinstance(error, sa.exc.IntegrityError):
        return error
    text = str(error.orig).lower()
    if "disk is full" in text:
        full = StorageFullError()
        full.__cause__ = error
        return full
    if any(sign in text for sign in _UNAVAILABLE):
        unavailable = UnavailableError()
        unavailable.__cause__ = error
        return unavailable
    return error
