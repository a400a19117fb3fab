"""The composition root: builds every part of a process, and joins them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from moorage.access.authorize import Warden
from moorage.access.conditions import context_of
from moorage.audit.file import AuditFile
from moorage.audit.keeping import Export
from moorage.audit.operations import AuditOperations
from moorage.audit.recorder import Recorder
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher
from moorage.config import Options
from moorage.core.clock import SystemClock
from moorage.core.page import PageTokens
from moorage.http.api.application import Api
from moorage.http.api.exchange import Parts
from moorage.http.api.route import AnyRoute
from moorage.http.api.routes import ROUTES as API_ROUTES
from moorage.http.application import PrivateApplication
from moorage.http.authentication import Authenticator
from moorage.http.context import Context, Policy
from moorage.http.control import Control
from moorage.http.distribution.application import Distribution
from moorage.http.distribution.hot import HotAnswers
from moorage.http.distribution.routes import ROUTES as DISTRIBUTION_ROUTES
from moorage.http.distribution.routes import Route
from moorage.http.request_ids import RequestIds
from moorage.http.signatures import Signatures
from moorage.http.strangers import Strangers
from moorage.identity import accounts
from moorage.identity.account_operations import AbsentCredentialOperations, AccountOperations
from moorage.identity.credentials import access_keys, tokens
from moorage.identity.credentials.access_keys import KeyRing
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.operations import IdentityOperations
from moorage.identity.pages import Pages
from moorage.identity.policies import service_control
from moorage.identity.policies.attachment_operations import AttachmentOperations
from moorage.identity.policies.authorization_operations import AuthorizationOperations
from moorage.identity.policies.inline_policy_operations import InlinePolicyOperations
from moorage.identity.policies.policy_operations import PolicyOperations
from moorage.identity.policies.policy_version_operations import PolicyVersionOperations
from moorage.identity.policies.simulation_operations import SimulationOperations
from moorage.identity.principals import bound_ids, current_arns, principal_exists
from moorage.identity.roles import last_uses
from moorage.identity.roles.instance_profile_operations import InstanceProfileOperations
from moorage.identity.roles.linked_role_operations import LinkedRoleOperations
from moorage.identity.roles.role_operations import RoleOperations
from moorage.identity.sts.session_operations import SessionOperations
from moorage.identity.sts.sts_operations import SecurityTokenOperations
from moorage.identity.users.access_key_operations import AccessKeyOperations
from moorage.identity.users.group_operations import GroupOperations
from moorage.identity.users.login_operations import LoginOperations
from moorage.identity.users.user_operations import UserOperations
from moorage.identity.web_identity.issuer_keys import IssuerKeys
from moorage.identity.web_identity.oidc_operations import OidcProviderOperations
from moorage.identity.web_identity.web_identity_operations import WebIdentityOperations
from moorage.images import store as images
from moorage.images.listing import ListingOperations
from moorage.images.operations import ImageOperations
from moorage.images.recovery import Recovery
from moorage.images.referrer_operations import ReferrerOperations
from moorage.layers.download_urls import DownloadUrls
from moorage.layers.operations import LayerOperations
from moorage.layers.service import UploadLimits, UploadService
from moorage.outgoing.client import Limits, OutgoingClient
from moorage.outgoing.networks import Permitted
from moorage.registries.operations import RegistryOperations
from moorage.registries.policy_operations import RegistryPolicyOperations
from moorage.registries.policy_text import Principals
from moorage.repositories.operations import RepositoryOperations
from moorage.repositories.policy_operations import RepositoryPolicyOperations
from moorage.repositories.scanning_operations import RepositoryScanningOperations
from moorage.repositories.tag_operations import TagOperations
from moorage.repositories.template_operations import TemplateOperations
from moorage.storage.blobs.filesystem import FilesystemBlobs
from moorage.storage.database import migrate
from moorage.storage.database.database import Database, run_once
from moorage.storage.database.transaction import Transaction
from moorage.storage.private_file import write_private
from moorage.workers.runner import Runner
from moorage.workers.tasks import tasks

ROOT_CREDENTIALS = "root-credentials.json"
_THREADS = 16
"""For what blocks shortly, and for bodies that a foreign ASGI server hands over."""
_KEY_LIMITS = Limits(idle=3, total=5)
"""For an issuer's keys, which a caller waits for. Seconds."""
_CLOSERS = 8
"""For closing uploads: syncing gigabytes to a slow disk must not keep anything else waiting."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An installation that is ready to be served."""

    root_access_key_id: str
    root_secret_access_key: str | None
    """None where the operator set the key."""
    first_start: bool

    def __repr__(self) -> str:
        return f"Prepared({self.root_access_key_id})"


@dataclass(frozen=True, slots=True)
class Tables:
    """What may be asked for, door by door. A test serves tables that it changes."""

    dispatcher: Callable[[Service, Collection[object]], Dispatcher] = Dispatcher
    distribution: Sequence[Route] = DISTRIBUTION_ROUTES
    api: Sequence[AnyRoute] = API_ROUTES


_TABLES = Tables()


class WebApplication:
    """What one web worker serves."""

    def __init__(self, options: Options, wake: Callable[[], None], tables: Tables = _TABLES) -> None:
        clock = SystemClock()
        secret = options.key_path.read_bytes()
        keeping = options.keeping
        blobs = FilesystemBlobs(options.data_dir / "blobs")
        self._database = Database(options.data_dir / "moorage.db", clock, wake_jobs=wake)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="work")
        self._closers = ThreadPoolExecutor(_CLOSERS, thread_name_prefix="closer")
        self._recorder = Recorder(self._database, images.note_pulls, tokens.note_use, last_uses.note_uses)
        uploads = UploadService(self._database, blobs, UploadLimits(keeping.upload_expiry, keeping.max_uploads))
        points = self._database.point_reader()
        sealer, page_tokens = Sealer(secret), PageTokens(secret)
        context = Context(
            database=self._database,
            points=points,
            blobs=blobs,
            uploads=uploads,
            recorder=self._recorder,
            addresses=options.addresses,
            clock=clock,
            threads=self._threads,
            closers=self._closers,
            ids=RequestIds(),
            policy=Policy(keeping.grace, keeping.sparse_indexes, options.listen.trusted_proxies),
            warden=Warden(points, self._database, sealer),
        )
        urls = DownloadUrls(secret)
        signatures = Signatures(context, KeyRing(context.points, sealer))
        strangers = Strangers(self._recorder, clock, options.listen.trusted_proxies)
        control = Control(
            context,
            json=[
                tables.dispatcher(Service("ecr"), _rooms(options, context, urls, page_tokens)),
                tables.dispatcher(Service("cloudtrail"), [AuditOperations(page_tokens)]),
            ],
            query=[
                tables.dispatcher(Service("sts"), _sts_rooms(options, context, sealer)),
                tables.dispatcher(Service("iam"), _iam_rooms(sealer, page_tokens)),
            ],
            signatures=signatures,
            strangers=strangers,
        )
        recovery = Recovery(self._database, retention=keeping.retention, sparse_indexes=keeping.sparse_indexes)
        api = Api(context, signatures, strangers, Parts(sealer, page_tokens, recovery), tables.api)
        self.hot = HotAnswers(context.points, clock, context.ids, self._recorder, context.warden)
        distribution = Distribution(context, Authenticator(context.points, clock), self.hot, strangers, tables.distribution)
        self.asgi = PrivateApplication(context, distribution, control, api, urls, self.hot)

    def close(self) -> None:
        """Write what waits, and let go of everything."""
        self._closers.shutdown(wait=True)
        self._threads.shutdown(wait=True)
        self._recorder.close()
        self._database.close()


def prepare(options: Options) -> Prepared:
    """Bring the data directory up to date, and see to the root key; starts no thread and leaves nothing open."""
    path = options.data_dir / "moorage.db"
    first_start = not path.exists()
    migrate.upgrade(path)
    FilesystemBlobs(options.data_dir / "blobs").prepare()
    sealer = Sealer(options.key_path.read_bytes())
    identity = options.identity
    key_id, secret = identity.root_access_key_id, identity.root_secret_access_key

    credentials = options.data_dir / ROOT_CREDENTIALS

    def work(tx: Transaction) -> Prepared:
        accounts.ensure_account(tx, identity.account_id, "default")
        service_control.ensure_begun(tx, identity.account_id)
        accounts.ensure_registry(tx, "private", identity.account_id, identity.region)
        if key_id and secret:
            access_keys.set_root_key(tx, sealer, identity.account_id, key_id, secret)
            credentials.unlink(missing_ok=True)  # the key that it holds is no longer good
            return Prepared(key_id, None, first_start)
        root = access_keys.ensure_root_key(tx, sealer, identity.account_id)
        if root.is_new:
            # Before the commit: a key whose secret nobody could ever read would be worse than a file that is written again.
            document = {"access_key_id": root.id, "secret_access_key": root.secret}
            write_private(credentials, json.dumps(document, indent=2).encode() + b"\n")
        return Prepared(root.id, root.secret, first_start)

    return run_once(path, SystemClock(), work)


def web(options: Options, wake: Callable[[], None], tables: Tables = _TABLES) -> WebApplication:
    """The application of one web worker. `wake` tells the jobs process that there is work."""
    return WebApplication(options, wake, tables)


def run_jobs(options: Options, wake_fd: int, leave_fd: int) -> int:
    """The jobs process: works until SIGTERM, or until `leave_fd` reaches its end; returns the exit status."""
    database = Database(options.data_dir / "moorage.db", SystemClock(), readers=1)
    blobs = FilesystemBlobs(options.data_dir / "blobs")
    kept, path = options.auditing.audit_retention, options.audit_path
    export = Export(database, AuditFile(path, retention=kept)) if path is not None else None
    try:
        scheduled = tasks(
            database,
            blobs,
            grace=options.keeping.grace,
            retention=options.keeping.retention,
            audit_retention=kept,
            export=export,
        )
        return Runner(database, scheduled).run(wake_fd, leave_fd)
    finally:
        if export is not None:
            export.close()
        database.close()


def operation_names(service: str) -> list[str]:
    """The operations of a service's API that are implemented, sorted."""
    marks = (getattr(getattr(room, name), "moorage_operation", None) for room in _ROOMS[service] for name in vars(room))
    return sorted(mark.name for mark in marks if mark is not None)


_ROOMS: Mapping[str, tuple[type, ...]] = {
    "ecr": (
        IdentityOperations,
        RegistryOperations,
        RepositoryOperations,
        RepositoryScanningOperations,
        RegistryPolicyOperations,
        RepositoryPolicyOperations,
        TagOperations,
        TemplateOperations,
        LayerOperations,
        ImageOperations,
        ListingOperations,
        ReferrerOperations,
    ),
    "cloudtrail": (AuditOperations,),
    "sts": (SecurityTokenOperations, SessionOperations, WebIdentityOperations),
    "iam": (
        UserOperations,
        PolicyOperations,
        PolicyVersionOperations,
        AttachmentOperations,
        InlinePolicyOperations,
        AuthorizationOperations,
        SimulationOperations,
        AccessKeyOperations,
        LoginOperations,
        GroupOperations,
        AccountOperations,
        OidcProviderOperations,
        AbsentCredentialOperations,
        RoleOperations,
        InstanceProfileOperations,
        LinkedRoleOperations,
    ),
}
"""What has operations, by the signing name of its service; below they are made."""


def _rooms(options: Options, context: Context, urls: DownloadUrls, page_tokens: PageTokens) -> list[object]:
    """Everything that has operations."""
    keeping, addresses = options.keeping, context.addresses
    principals = Principals(principal_exists, bound_ids, current_arns)
    return [
        IdentityOperations(addresses),
        RegistryOperations(page_tokens),
        RepositoryOperations(addresses, page_tokens),
        RepositoryScanningOperations(),
        RegistryPolicyOperations(principals, context.warden.judge.locks_out),
        RepositoryPolicyOperations(principals, context.warden.judge.locks_out),
        TagOperations(),
        TemplateOperations(principals, page_tokens),
        LayerOperations(context.uploads, urls, keeping.grace),
        ImageOperations(context.blobs, context.recorder.pull, grace=keeping.grace, sparse_indexes=keeping.sparse_indexes),
        ListingOperations(addresses, page_tokens),
        ReferrerOperations(page_tokens),
    ]


def _sts_rooms(options: Options, context: Context, sealer: Sealer) -> list[object]:
    """Everything that has operations of STS."""
    keys = IssuerKeys(context.database, OutgoingClient(Permitted(options.outgoing_networks), limits=_KEY_LIMITS))
    return [SecurityTokenOperations(sealer), SessionOperations(sealer), WebIdentityOperations(sealer, keys, context_of)]


def _iam_rooms(sealer: Sealer, page_tokens: PageTokens) -> list[object]:
    """Everything that has operations of IAM."""
    pages = Pages(page_tokens)
    return [
        UserOperations(pages),
        PolicyOperations(pages),
        PolicyVersionOperations(pages),
        AttachmentOperations(pages),
        InlinePolicyOperations(pages),
        AuthorizationOperations(pages),
        SimulationOperations(pages),
        AccessKeyOperations(sealer, pages),
        LoginOperations(),
        GroupOperations(pages),
        AccountOperations(pages),
        OidcProviderOperations(pages),
        AbsentCredentialOperations(pages),
        RoleOperations(pages),
        InstanceProfileOperations(pages),
        LinkedRoleOperations(),
    ]
