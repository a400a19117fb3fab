"""The keys of token issuers: fetched from the issuer, kept for every process in the database, fetched again in time.

OpenID Connect Discovery 1.0, section 4. How often an issuer is asked is bounded, whatever tokens come: once an hour, and for a
key that is not known, once a minute.
"""

import functools
import json
import logging
import threading
from typing import Any

from moorage.core import clock
from moorage.core.clock import Timestamp
from moorage.identity.web_identity import oidc_providers
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_identity_errors import InvalidIdentityTokenError, IssuerUnreachableError
from moorage.identity.web_identity.web_keys import KeySet, KeySetError, PublicKey
from moorage.identity.web_identity.web_token import WebToken
from moorage.outgoing.client import OutgoingClient
from moorage.outgoing.errors import OutgoingError
from moorage.storage.database.database import Database

FRESH_FOR = clock.HOUR
"""Milliseconds that keys are used without asking again."""
GOOD_FOR = 24 * clock.HOUR
"""Milliseconds that the last keys are used while the issuer does not answer, so that its outage is not everybody's."""
BETWEEN = clock.MINUTE
"""Milliseconds between two questions to one issuer, however they end; each process counts its failures for itself."""

_MOST_AT_ONCE = 4
"""Threads of a process that ask issuers, or wait for one that does: whoever waits takes a thread from everybody."""
_PATIENCE = 10.0
_MOST_REMEMBERED = 1000
_DISCOVERY = "/.well-known/openid-configuration"

_log = logging.getLogger(__name__)


class IssuerKeys:
    """Finds the keys that may have signed a token; for several threads."""

    def __init__(self, database: Database, client: OutgoingClient) -> None:
        self._database = database
        self._client = client
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Event] = {}
        self._failed: dict[str, tuple[Timestamp, bool]] = {}
        """By provider: when it was asked in vain last, and whether that may pass by itself."""

    def of(self, provider: Provider, token: WebToken, now: Timestamp) -> tuple[PublicKey, ...]:
        """The candidates, at least one. Blocks while the issuer is asked.

        Raises InvalidIdentityTokenError where the issuer has no such key, or says none, and IssuerUnreachableError where it
        could not be asked now.
        """
        known = _known(provider, token, now)
        if known and (provider.given_keys is not None or _age(provider, now) < FRESH_FOR):
            return known
        if provider.given_keys is None:
            renewed = self._renewed(provider, now, needed=not known)
            if renewed is not None:
                known = _known(renewed, token, now)
        if known:
            return known
        raise self._refusal(provider, now)

    def _refusal(self, provider: Provider, now: Timestamp) -> InvalidIdentityTokenError | IssuerUnreachableError:
        with self._lock:
            failed_at, passing = self._failed.get(provider.resource.id, (now, False))
        return IssuerUnreachableError() if passing and now - failed_at < BETWEEN else InvalidIdentityTokenError.without_key()

    def _renewed(self, provider: Provider, now: Timestamp, *, needed: bool) -> Provider | None:
        """The provider with the keys of this minute, or None where it is too early to ask again, or asking failed.

        One thread asks; others wait for it if they must.
        """
        if not self._room.acquire(blocking=False):
            if needed:
                raise IssuerUnreachableError
            return None
        try:
            asking = self._lead(provider, now)
            if asking is None:
                return self._ask(provider, now)
            if not needed or asking.is_set():
                return None
            if not asking.wait(_PATIENCE):
                raise IssuerUnreachableError
            return self._stored(provider)
        finally:
            self._room.release()

    def _lead(self, provider: Provider, now: Timestamp) -> threading.Event | None:
        """None for the thread that has to ask; otherwise what tells the end of another's asking, set where nobody asks."""
        own = provider.resource.id
        with self._lock:
            if (asking := self._asking.get(own)) is not None:
                return asking
            failed_at, _ = self._failed.get(own, (Timestamp(now - BETWEEN), False))
            if _age(provider, now) < BETWEEN or 0 <= now - failed_at < BETWEEN:
                nobody = threading.Event()
                nobody.set()
                return nobody
            self._asking[own] = threading.Event()
            return None

    def _ask(self, provider: Provider, now: Timestamp) -> Provider | None:
        own = provider.resource.id
        failure: tuple[Timestamp, bool] | None = now, True
        try:
            stored = self._stored(provider)
            if stored is not None and _age(stored, now) >= BETWEEN and stored.given_keys is None:
                fetched = self._fetch(provider.issuer)
                self._database.write(lambda tx: oidc_providers.keep_fetched(tx, own, fetched)).result()
                stored = self._stored(provider)
            failure = None
        except (OutgoingError, KeySetError) as error:
            failure = now, isinstance(error, OutgoingError) and error.transient
            _log.warning("an issuer's keys cannot be fetched", extra={"issuer": provider.issuer, "reason": str(error)})
            return None
        else:
            return stored
        finally:
            with self._lock:
                self._note(own, failure)
                self._asking.pop(own).set()

    def _note(self, own: str, failure: tuple[Timestamp, bool] | None) -> None:
        self._failed.pop(own, None)
        if failure is not None:
            if len(self._failed) >= _MOST_REMEMBERED:
                self._failed.clear()
            self._failed[own] = failure

    def _stored(self, provider: Provider) -> Provider | None:
        resource = provider.resource
        return self._database.read(lambda tx: oidc_providers.find(tx, resource.account_id, resource.name)).result()

    def _fetch(self, issuer: str) -> str:
        """The issuer's key set; raises OutgoingError and KeySetError."""
        configuration = _object(self._client.get(issuer.rstrip("/") + _DISCOVERY).body)
        if configuration.get("issuer") != issuer:
            raise KeySetError("The issuer's configuration is another issuer's.")
        address = configuration.get("jwks_uri")
        if not isinstance(address, str):
            raise KeySetError("The issuer's configuration names no key set.")
        return KeySet.slim(_text(self._client.get(address).body))


def _known(provider: Provider, token: WebToken, now: Timestamp) -> tuple[PublicKey, ...]:
    if provider.given_keys is not None:
        return _read(provider.given_keys).candidates(token.key_id, token.algorithm)
    if provider.fetched_keys is None or _age(provider, now) >= GOOD_FOR:
        return ()
    return _read(provider.fetched_keys).candidates(token.key_id, token.algorithm)


def _age(provider: Provider, now: Timestamp) -> int:
    return max(0, now - provider.fetched_at) if provider.fetched_at is not None else GOOD_FOR


@functools.lru_cache(maxsize=128)
def _read(text: str) -> KeySet:
    return KeySet.read(text)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise KeySetError("The issuer's answer is not UTF-8.") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(_text(body))
    except (ValueError, RecursionError):
        raise KeySetError("The issuer's configuration is not JSON.") from None
    if isinstance(document, dict):
        return document
    raise KeySetError("The issuer's configuration is no JSON object.")
