"""How many connections a worker takes."""

import resource

import pytest

from moorage.http.server import limits_within


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(1_048_576, 8192), (20_000, 6624), (1024, 298), (256, 42), (64, 16), (resource.RLIM_INFINITY, 8192)],
)
def test_a_worker_takes_no_more_connections_than_it_has_descriptors_for(descriptors: int, connections: int) -> None:
    assert limits_within(descriptors).connections == connections
