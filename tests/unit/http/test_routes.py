import pytest

from moorage.aws.model import Service
from moorage.http.application import OPEN_ENTRIES
from moorage.http.distribution.routes import ROUTES, NoSuchRouteError, match, ping
from moorage.http.messages import MethodNotAllowedError

_DIGEST = "sha256:" + "0" * 64


def _matched(method: str, path: str) -> tuple[str, str, str]:
    found = match(method, path)
    return found.route.handler.__name__, found.name, found.reference


@pytest.mark.parametrize(
    ("method", "path", "handler", "name", "reference"),
    [
        ("GET", "/v2", "ping", "", ""),
        ("GET", "/v2/", "ping", "", ""),
        ("HEAD", "/v2/", "ping", "", ""),
        ("GET", "/v2/_catalog", "get_catalog", "", ""),
        ("GET", "/v2/a/tags/list", "get_tags", "a", ""),
        ("GET", "/v2/a/b/c/tags/list", "get_tags", "a/b/c", ""),
        ("GET", f"/v2/a/referrers/{_DIGEST}", "get_referrers", "a", _DIGEST),
        ("POST", "/v2/a/blobs/uploads/", "post_upload", "a", ""),
        ("POST", "/v2/a/blobs/uploads", "post_upload", "a", ""),
        ("PATCH", "/v2/a/blobs/uploads/1", "patch_upload", "a", "1"),
        ("PUT", "/v2/a/blobs/uploads/1", "put_upload", "a", "1"),
        ("GET", "/v2/a/blobs/uploads/1", "get_upload", "a", "1"),
        ("DELETE", "/v2/a/blobs/uploads/1", "delete_upload", "a", "1"),
        ("GET", "/v2/a/manifests/1.0", "get_manifest", "a", "1.0"),
        ("HEAD", "/v2/a/manifests/1.0", "get_manifest", "a", "1.0"),
        ("PUT", "/v2/a/manifests/1.0", "put_manifest", "a", "1.0"),
        ("DELETE", f"/v2/a/manifests/{_DIGEST}", "delete_manifest", "a", _DIGEST),
        ("GET", f"/v2/a/blobs/{_DIGEST}", "get_blob", "a", _DIGEST),
        ("DELETE", f"/v2/a/blobs/{_DIGEST}", "delete_blob", "a", _DIGEST),
    ],
)
def test_a_path_of_the_protocol_has_its_handler(method: str, path: str, handler: str, name: str, reference: str) -> None:
    assert _matched(method, path) == (handler, name, reference)


@pytest.mark.parametrize(
    "name",
    [
        "blobs",
        "manifests",
        "tags/list",
        "blobs/uploads",
        "a/manifests/b",
        "a/blobs/uploads/b",
        "v2/a",
        "uploads",
        "tags",
        "list",
        "referrers/x",
        "_catalog/a",
    ],
)
def test_the_protocols_words_may_stand_in_a_name(name: str) -> None:
    assert _matched("GET", f"/v2/{name}/manifests/latest") == ("get_manifest", name, "latest")
    assert _matched("GET", f"/v2/{name}/tags/list") == ("get_tags", name, "")
    assert _matched("GET", f"/v2/{name}/blobs/{_DIGEST}") == ("get_blob", name, _DIGEST)
    assert _matched("POST", f"/v2/{name}/blobs/uploads/") == ("post_upload", name, "")
    assert _matched("PATCH", f"/v2/{name}/blobs/uploads/1") == ("patch_upload", name, "1")
    assert _matched("GET", f"/v2/{name}/referrers/{_DIGEST}") == ("get_referrers", name, _DIGEST)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/a",
        "/v2/a/",
        "/v2//manifests",
        "/v2/manifests/x",
        "/v2/tags/list",
        "/v2/a/tags",
        "/v1/_ping",
        "/v2/a/manifests/",
        "/",
        "",
    ],
)
def test_any_other_path_is_none_of_the_protocols(path: str) -> None:
    with pytest.raises(NoSuchRouteError) as caught:
        match("GET", path)
    assert caught.value.oci_status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/", "GET"),
        ("PATCH", "/v2/a/manifests/1", "DELETE, GET, PUT"),
        ("POST", "/v2/a/blobs/x", "DELETE, GET, HEAD"),
        ("GET", "/v2/a/blobs/uploads/", "POST"),
        ("HEAD", "/v2/a/blobs/uploads/", "POST"),
        ("POST", "/v2/a/blobs/uploads/1", "DELETE, GET, PATCH, PUT"),
        ("DELETE", "/v2/a/tags/list", "GET"),
        ("get", "/v2/_catalog", "GET"),
    ],
)
def test_another_method_is_told_which_there_are(method: str, path: str, allowed: str) -> None:
    with pytest.raises(MethodNotAllowedError) as caught:
        match(method, path)
    assert (caught.value.oci_status, caught.value.headers) == (405, {"Allow": allowed})


def test_a_look_at_a_layer_needs_another_right_than_its_download() -> None:
    path = f"/v2/a/blobs/{_DIGEST}"
    look, download = match("HEAD", path).route, match("GET", path).route
    assert look.event_name == "BatchCheckLayerAvailability"
    assert look.requirement is not None and look.requirement.any_of
    assert download.requirement is not None and download.requirement.actions == ("ecr:GetDownloadUrlForLayer",)


def test_every_route_but_the_ping_requires_a_permission() -> None:
    assert [route for route in ROUTES if route.requirement is None] == [route for route in ROUTES if route.handler is ping]
    assert all(route.requirement.actions for route in ROUTES if route.requirement)


def test_every_route_corresponds_to_an_operation_and_an_action_of_ecr() -> None:
    operations = Service("ecr").operation_names
    assert {route.event_name for route in ROUTES if route.handler is not ping} <= operations
    actions = {action for route in ROUTES if route.requirement for action in route.requirement.actions}
    assert {action.removeprefix("ecr:") for action in actions} <= operations


def test_only_what_writes_is_not_read_only() -> None:
    assert {route.method for route in ROUTES if not route.read_only} == {"POST", "PUT", "PATCH", "DELETE"}
    assert {route.method for route in ROUTES if route.read_only} == {"GET", "HEAD"}


def test_what_is_open_without_a_login_is_this_and_nothing_else() -> None:
    assert OPEN_ENTRIES == (
        "/downloads/",
        "/livez",
        "/healthz",
        "/api/v1/openapi.json",
        "POST / Action=AssumeRoleWithWebIdentity",
    )
