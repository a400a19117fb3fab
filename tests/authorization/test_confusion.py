"""What is decided upon is what is served: however a path, a method, a host or a parameter is twisted (oci-and-peers 5.5)."""

import json

import pytest

from tests.authorization.place import ROOT, Ask, operation
from tests.authorization.town import CLOSED, OPEN, Town, arn, digest, host_of

_TWISTED = [
    "/v2/team/open/../closed/manifests/1",
    "/v2/team/open/%2e%2e/closed/manifests/1",
    "/v2/team/open/..%2fclosed/manifests/1",
    "/v2/team/open%2f..%2fclosed/manifests/1",
    "/v2/team/open/..;/closed/manifests/1",
    "/v2/team/open;/../closed/manifests/1",
    "/v2/team/open/..%5cclosed/manifests/1",
    "/v2/team/open/manifests/../../closed/manifests/1",
    "/v2/team/open/manifests/1%2f..%2f..%2f..%2fclosed%2fmanifests%2f1",
    "/v2//team/closed/manifests/1",
    "/v2/team//closed/manifests/1",
    "/v2/./team/closed/manifests/1",
    "/v2/TEAM/CLOSED/manifests/1",
    "/v2/team/Closed/manifests/1",
    "/v2/team%2fclosed/manifests/1",
    "/v2/team/closed%00/manifests/1",
    "/v2/team/closed%20/manifests/1",
    "/v2/team/closed/manifests/%31%00",
    "/v2/team/clo%D1%95ed/manifests/1",
    "/v2/team/open?/../closed/manifests/1",
    "/V2/team/closed/manifests/1",
    "/api/../v2/team/closed/manifests/1",
    "/livez/../v2/team/closed/manifests/1",
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", _TWISTED)
def test_no_path_is_decided_as_one_repository_and_served_as_another(town: Town, path: str, method: str) -> None:
    assert town.as_limited(Ask(method, f"/v2/{OPEN}/manifests/1")).status == 200
    answer = town.as_limited(Ask(method, path))
    assert 400 <= answer.status < 500
    assert digest(town.manifest_of(CLOSED)).encode() not in answer.body and b"secret" not in answer.body
    assert answer.headers.get("docker-content-digest") is None


@pytest.mark.parametrize(
    "path", ["/v2/team/closed/manifests/1", "/v2/team/%63losed/manifests/1", "/v2/team/closed/%6Danifests/1"]
)
def test_an_encoded_letter_is_the_letter_to_both(town: Town, path: str) -> None:
    answer = town.as_limited(Ask("GET", path))
    assert answer.status == 403
    assert f"ecr:BatchGetImage on resource: {arn(CLOSED)} because" in answer.error[1]


@pytest.mark.parametrize(
    "name", ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"]
)
def test_no_header_turns_a_request_into_another(town: Town, name: str) -> None:
    """What would delete the image, or show the other one."""
    value = "DELETE" if "method" in name else f"/v2/{CLOSED}/manifests/1"
    ask = Ask("GET", f"/v2/{OPEN}/manifests/1", {"_method": "DELETE"}, {name: value})
    for _ in range(2):
        assert town.as_limited(ask).body == town.manifest_of(OPEN)


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "Head", "PROPFIND"])
def test_a_method_without_an_entry_is_no_way_around_one(town: Town, method: str) -> None:
    for path in (f"/v2/{CLOSED}/manifests/1", f"/v2/{CLOSED}/blobs/{digest(town.secret_of(CLOSED))}"):
        answer = town.as_limited(Ask(method, path))
        assert answer.status == 405 and b"secret" not in answer.body


def test_a_head_tells_nothing_that_a_get_would_not(town: Town) -> None:
    there, absent = digest(town.secret_of(CLOSED)), digest(b"absent")
    answers = [
        town.as_limited(Ask("HEAD", f"/v2/{name}/{what}"))
        for name in (CLOSED, "team/absent")
        for what in ("manifests/1", "manifests/2", f"blobs/{there}", f"blobs/{absent}", "tags/list", f"referrers/{there}")
    ]
    assert {answer.status for answer in answers} == {403}
    for answer in answers:
        assert not answer.body and not {"etag", "docker-content-digest", "accept-ranges"} & {*answer.headers}
    for ask in (Ask("HEAD", "/images", {"repository": CLOSED}), Ask("HEAD", "/tokens"), Ask("HEAD", "/accounts")):
        assert town.api(town.keys, ask).status == 403


def test_layers_and_images_are_reached_only_through_a_repository_that_holds_them(town: Town) -> None:
    there = digest(town.secret_of(CLOSED))
    for method in ("GET", "HEAD"):
        assert town.as_limited(Ask(method, f"/v2/{OPEN}/blobs/{there}")).status == 404
        assert town.as_limited(Ask(method, f"/v2/{OPEN}/manifests/{digest(town.manifest_of(CLOSED))}")).status == 404
    mount = {"mount": there}
    for query in (mount, {**mount, "from": CLOSED}, {**mount, "from": f"{OPEN}/../closed"}, {**mount, "from": CLOSED.upper()}):
        assert town.as_limited(Ask("POST", f"/v2/{OPEN}/blobs/uploads/", query)).status in {202, 400}
    both = Ask("POST", f"/v2/{OPEN}/blobs/uploads/?from={OPEN}&from={CLOSED}&mount={there}".replace(":", "%3A"))
    assert town.as_limited(both).status != 201
    assert town.as_limited(Ask("HEAD", f"/v2/{OPEN}/blobs/{there}")).status == 404
    asked = operation("ecr", "BatchGetImage", {"repositoryName": OPEN, "imageIds": [{"imageDigest": there}]})
    assert town.place.ask(asked, town.keys).document["images"] == []
    link = operation("ecr", "GetDownloadUrlForLayer", {"repositoryName": OPEN, "layerDigest": there})
    assert town.place.ask(link, town.keys).error[0] == "LayersNotFoundException"


def test_one_name_that_is_not_allowed_refuses_the_whole_list(town: Town) -> None:
    for names in ([OPEN, CLOSED], [CLOSED, OPEN], [OPEN, "team/absent"]):
        other = next(name for name in names if name != OPEN)
        for name in ("DescribeRepositories", "BatchGetRepositoryScanningConfiguration"):
            answer = town.place.ask(operation("ecr", name, {"repositoryNames": names}), town.keys)
            assert answer.error[0] == "AccessDeniedException"
            assert f"on resource: {arn(other)} because" in answer.error[1]


def test_no_list_names_what_may_not_be_known(town: Town) -> None:
    refused = town.place.ask(operation("ecr", "DescribeRepositories", {}), town.keys)
    assert refused.error[0] == "AccessDeniedException"
    answers = [town.as_limited(Ask("GET", "/v2/_catalog"))]
    answers += [
        town.as_limited(Ask("GET", "/v2/_catalog", {"n": n, "last": last})) for n in ("1", "100") for last in ("", "team/c")
    ]
    for path in ("/images", "/tags"):
        answers += [town.api(town.keys, Ask("GET", path)), town.api(town.keys, Ask("GET", path, {"repository": "team/*"}))]
    for answer in answers:
        assert answer.status == 200
        assert b"team/open" in answer.body and b"closed" not in answer.body
    assert town.api(town.keys, Ask("GET", "/images", {"repository": CLOSED})).status == 403


@pytest.mark.parametrize("forged", ["x-forwarded-host", "forwarded", "x-host", "x-forwarded-server"])
def test_only_the_host_itself_says_which_registry_is_meant(town: Town, forged: str) -> None:
    account_id, _ = town.foreign
    host = host_of(account_id)["Host"]
    value = f"host={host}" if forged == "forwarded" else host
    answer = town.as_limited(Ask("GET", f"/v2/{CLOSED}/manifests/1", headers={forged: value}))
    assert f"on resource: {arn(CLOSED)} because no identity" in answer.error[1]
    named = town.as_limited(Ask("GET", f"/v2/{CLOSED}/manifests/1", headers=host_of(account_id)))
    assert f"on resource: {arn(CLOSED, account_id)} because no identity" in named.error[1]


def test_a_parameter_that_stands_there_twice_is_decided_as_it_is_used(town: Town) -> None:
    """JSON and forms: no reader may see another repository, user or account than the one that was decided upon."""
    text = f'{{"repositoryName": "{OPEN}", "repositoryName": "{CLOSED}"}}'
    for body in (text, text.replace(OPEN, "x").replace(CLOSED, OPEN).replace("x", CLOSED)):
        ask = operation("ecr", "ListImages", {})
        answer = town.place.ask(Ask(ask.method, ask.path, ask.query, ask.headers, body.encode(), "ecr"), town.keys)
        assert answer.status == 400 and b"imageDigest" not in answer.body
    form = operation("iam", "GetUser", {"UserName": "limited"})
    twice = Ask(form.method, form.path, form.query, form.headers, form.body + b"&UserName=other", "iam")
    assert town.place.ask(twice, ROOT).status == 400
    assert town.api(ROOT, Ask("GET", "/images", {"repository": OPEN})).status == 200
    url = Ask("GET", "/api/v1/images", {"repository": OPEN, "Repository": CLOSED}, service="moorage")
    assert town.place.ask(url, town.keys).status == 400


def test_a_policy_goes_with_its_repository_and_not_with_the_name(town: Town) -> None:
    """Harbor #22900: what was granted on a repository is not granted on the next one of that name."""
    do, name = town.place.do, "team/again"
    everybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
    pull = Ask("GET", f"/v2/{name}/manifests/1")
    do(ROOT, "ecr", "CreateRepository", repositoryName=name)
    town.push(name)
    do(ROOT, "ecr", "SetRepositoryPolicy", repositoryName=name, policyText=json.dumps(everybody))
    assert town.as_limited(pull).status == 200
    do(ROOT, "ecr", "DeleteRepository", repositoryName=name, force=True)
    do(ROOT, "ecr", "CreateRepository", repositoryName=name)
    town.push(name)
    assert town.as_limited(pull).status == 403
