"""Concurrent changes of one record all succeed within seconds.

They are concurrent: each call takes 8 ms of simulated time, in which the others continue.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.timeline import Timeline
from tests.faults.world import Actor
from tests.http_event import Reply

MANY = 24
SECONDS = 5


@pytest.fixture(params=range(5))
def timeline(lab: Laboratory, request: pytest.FixtureRequest) -> Timeline:
    world = lab.world(request.param)
    timeline = Timeline(0, world.dynamodb, world.s3, coordinates=world.coordinates)
    timeline.time = world.time
    world.dynamodb.heard, world.dynamodb.seen = timeline.heard, timeline.seen
    world.dynamodb.now = lambda: timeline.time
    lab.worlds[:] = [timeline]
    return timeline


def at_once(timeline: Timeline, acts: list[Callable[[], Reply]]) -> tuple[list[Reply], float]:
    """Return the responses to simultaneous requests, and the seconds until the last of them."""
    began = timeline.time
    actors: list[Actor] = [timeline.spawn(f"caller {n}", act) for n, act in enumerate(acts)]
    timeline.run()
    assert [actor.error for actor in actors if actor.error] == []
    return [actor.result for actor in actors], timeline.time - began


def alone(timeline: Timeline, act: Callable[[], Reply]) -> Any:
    (reply,), _ = at_once(timeline, [act])
    assert reply.status in (200, 201), reply.text
    return reply.json()


def test_a_customer_that_24_change_at_once_is_changed_by_each(
    lab: Laboratory, timeline: Timeline
) -> None:
    shop = lab.shops["acme"]
    customer = alone(timeline, partial(shop.post, "/customers/", {"email": "ana@acme.example"}))
    path = f"/customers/{customer['id']}/"

    replies, seconds = at_once(
        timeline, [partial(shop.patch, path, {"city": f"T{n}"}) for n in range(MANY)]
    )

    assert [reply.status for reply in replies] == [200] * MANY
    assert seconds < SECONDS
    assert sorted(reply.json()["city"] for reply in replies) == sorted(f"T{n}" for n in range(MANY))


@pytest.mark.parametrize("path", ["/license-templates/", "/product-features/"])
def test_24_new_parts_of_one_product_are_all_made(
    lab: Laboratory, timeline: Timeline, path: str
) -> None:
    shop = lab.shops["acme"]
    bodies = [{"product": "kp", "code": f"c{n}", "name": f"N{n}"} for n in range(MANY)]

    replies, seconds = at_once(timeline, [partial(shop.post, path, body) for body in bodies])

    assert [reply.status for reply in replies] == [201] * MANY
    assert seconds < SECONDS
    listed = alone(timeline, partial(shop.get, path, "product=kp&limit=100"))["results"]
    assert {f"c{n}" for n in range(MANY)} <= {part["code"] for part in listed}


def test_24_imports_that_are_announced_at_once_have_a_number_each(
    lab: Laboratory, timeline: Timeline
) -> None:
    from functions import start_import
    from tests.http_event import send

    body = {"kind": "licenses", "file_name": "a.csv", "size": 100}
    ask = partial(
        send, start_import.handler, "POST", "/api/v1/imports/", body=body, key=lab.shops["acme"].key
    )

    replies, seconds = at_once(timeline, [ask] * MANY)

    assert [reply.status for reply in replies] == [202] * MANY
    assert seconds < SECONDS
    assert len({reply.json()["id"] for reply in replies}) == MANY
