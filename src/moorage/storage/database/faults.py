"""Faults of the database, in the words of the core."""

import sqlite3

import sqlalchemy as sa

from moorage.core.errors import StorageFullError, UnavailableError

_FAULTS = (sa.exc.DBAPIError, sqlite3.Error)
_CONFLICTS = (sa.exc.IntegrityError, sqlite3.IntegrityError)
_UNAVAILABLE = ("locked", "busy", "disk i/o error", "unable to open", "readonly")


def translated(error: Exception) -> Exception:
    """A full disk becomes StorageFullError, a database that does not answer UnavailableError; others stay as they are."""
    if not isinstance(error, _FAULTS) or isinstance(error, _CONFLICTS):
        return error
    text = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).lower()
    if "disk is full" in text:
        full = StorageFullError()
        full.__cause__ = error
        return full
    if any(sign in text for sign in _UNAVAILABLE):
        unavailable = UnavailableError()
        unavailable.__cause__ = error
        return unavailable
    return error
