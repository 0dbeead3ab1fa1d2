"""How many connections one address gets, and that everybody gets a turn. By a clock of the test's own."""

import asyncio
import contextlib
import heapq
import random
import threading
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

from config.lib.egress import Deadline, Unreachable
from domains.tls.politeness import (
    A_MINUTE,
    BURST,
    HORIZON_SECONDS,
    MEMORY_SECONDS,
    MISSED_SECONDS,
    REMEMBERED_AT_MOST,
    Politeness,
    PutOff,
)

ADDRESS = "203.0.113.10"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Callable[[], float], **others: Any) -> Politeness:
    return Politeness(now=clock, is_exempt=nobody, **others)


def nobody(address: str) -> bool:
    return False


def wait_of(polite: Politeness, who: Hashable, address: str = ADDRESS, **others: Any) -> float:
    """0 for a visit that may connect, else in how many seconds its turn comes."""
    known, seconds = claim(polite, who, address, **others)
    assert known is None
    return seconds


def claim(polite: Politeness, who: Hashable, address: str = ADDRESS, **others: Any) -> tuple[Any, float]:
    """What was taken over, and the wait."""
    try:
        polite.claim(address, polite.turn(who, 443, Deadline(10), **others))
    except PutOff as put_off:
        return put_off.known, put_off.seconds
    return None, 0.0


def let_come(polite: Politeness, clock: Clock, comers: Iterable[tuple[float, int]]) -> dict[int, list[float]]:
    """When each of (first time, who) was let in, coming again whenever it was told to."""
    queue = list(comers)
    heapq.heapify(queue)
    admitted: dict[int, list[float]] = {}
    while queue:
        clock.at, who = heapq.heappop(queue)
        wait = wait_of(polite, who)
        if wait:
            heapq.heappush(queue, (clock.at + wait + 0.001, who))
        else:
            admitted.setdefault(who, []).append(clock.at)
    return admitted


def most_in_a_minute(admitted: dict[int, list[float]]) -> int:
    times = sorted(at for visits in admitted.values() for at in visits)
    return max(bisect_left(times, start + 60) - number for number, start in enumerate(times))


def test_a_thousand_at_once_all_get_their_turn_and_no_minute_is_too_full(clock: Clock) -> None:
    began = clock.at
    admitted = let_come(make(clock), clock, [(began, who) for who in range(1000)])
    assert len(admitted) == 1000
    assert most_in_a_minute(admitted) <= BURST + A_MINUTE
    last = max(at for visits in admitted.values() for at in visits)
    assert last - began <= (1000 - BURST) * 60 / A_MINUTE + 5, "the budget is used, not only kept"


def test_more_than_the_queue_holds_get_their_turn_as_well(clock: Clock) -> None:
    admitted = let_come(make(clock), clock, [(clock.at, who) for who in range(4000)])
    assert len(admitted) == 4000
    assert most_in_a_minute(admitted) <= BURST + A_MINUTE


def test_one_workspace_with_thousands_of_names_does_not_starve_another(clock: Clock) -> None:
    """All of them at one address and due every quarter of an hour, which is twice what the address gets."""
    polite, began = make(clock), clock.at
    chance = random.Random(3)
    queue = [(began + chance.uniform(0, 900), "crowd", who) for who in range(4_000)]
    queue += [(began + 3600 + chance.uniform(0, 900), "small", who) for who in range(20)]
    heapq.heapify(queue)
    asked: dict[int, float] = {}
    waits = []
    while queue and queue[0][0] < began + 4 * 3600:
        clock.at, owner, who = heapq.heappop(queue)
        wait = wait_of(polite, (owner, who), owner=owner)
        if owner == "small":
            since = asked.setdefault(who, clock.at)
            if not wait:
                waits.append(clock.at - since)
                del asked[who]
        heapq.heappush(queue, (clock.at + (wait + chance.random() if wait else 900), owner, who))
    assert len(waits) > 20 * 6
    assert max([*waits, *(clock.at - since for since in asked.values())]) <= HORIZON_SECONDS


def test_however_many_hold_turns_there_is_one_for_who_comes_next(clock: Clock) -> None:
    polite = make(clock)
    for round_ in range(2000):
        for owner in range(10):
            wait_of(polite, (owner, round_), owner=owner)
    clock.at += HORIZON_SECONDS / 2
    for round_ in range(2000):
        for owner in range(10):
            wait_of(polite, (owner, round_), owner=owner)
    told = wait_of(polite, "newcomer", owner="newcomer")
    clock.at += told
    assert wait_of(polite, "newcomer", owner="newcomer") == 0


def test_turns_that_nobody_came_for_are_forgotten_where_it_is_never_quiet(clock: Clock) -> None:
    polite = make(clock)
    for moment in range(500):
        clock.at += 10
        for visit in range(25):
            wait_of(polite, (moment, visit), owner=moment)
    assert len(polite._addresses[ADDRESS].turns.promised) <= (HORIZON_SECONDS + MISSED_SECONDS) * A_MINUTE / 60 + BURST


def test_nobody_overtakes_who_was_promised_a_turn(clock: Clock) -> None:
    polite, began = make(clock), clock.at
    crowd = [(began, who) for who in range(200)]
    latecomers = [(began + 1 + who / 50, 1000 + who) for who in range(2000)]
    admitted = let_come(polite, clock, crowd + latecomers)
    last_of_crowd = max(admitted[who][0] for who in range(200))
    assert last_of_crowd - began <= (200 - BURST) * 60 / A_MINUTE + 1
    assert len(admitted) == 2200


def test_a_thousand_domains_behind_one_address_are_never_put_off_in_their_rounds(clock: Clock) -> None:
    """Each every quarter of an hour, at a moment of its own: 67 a minute."""
    polite, began = make(clock), clock.at
    chance = random.Random(7)
    phases = [chance.uniform(0, 900) for _ in range(1000)]
    for at in sorted(began + phase + 900 * turn for phase in phases for turn in range(4)):
        clock.at = at
        assert wait_of(polite, at) == 0


def test_the_bucket_fills_again(clock: Clock) -> None:
    polite = make(clock)
    assert [wait_of(polite, who) for who in range(BURST)] == [0] * BURST
    assert wait_of(polite, "one more") > 0
    clock.at += 60 + BURST * 60 / A_MINUTE
    assert [wait_of(polite, who) for who in range(BURST)] == [0] * BURST


def test_addresses_do_not_count_for_one_another(clock: Clock) -> None:
    polite = make(clock, burst=1)
    assert [wait_of(polite, "a", address) for address in (ADDRESS, "203.0.113.11", "2001:db8::1")] == [0, 0, 0]


def test_who_comes_before_the_turn_is_told_the_same_moment_again(clock: Clock) -> None:
    polite = make(clock, burst=1)
    wait_of(polite, "first")
    told = wait_of(polite, "second")
    clock.at += told / 2
    assert wait_of(polite, "second") == pytest.approx(told / 2)
    clock.at += told / 2
    assert wait_of(polite, "second") == 0


def test_a_turn_that_nobody_came_for_is_given_up(clock: Clock) -> None:
    polite = make(clock, burst=1)
    wait_of(polite, "first")
    told = wait_of(polite, "second")
    clock.at += told + MISSED_SECONDS
    assert wait_of(polite, "third") == 0
    assert wait_of(polite, "second") > 0


def test_what_follows_is_counted_and_not_refused(clock: Clock) -> None:
    polite = make(clock, burst=2)
    assert [wait_of(polite, "a"), wait_of(polite, "a", follows=True), wait_of(polite, "a", follows=True)] == [0, 0, 0]
    assert wait_of(polite, "b") == pytest.approx(2 * 60 / A_MINUTE)


def test_a_clock_that_is_set_back_shuts_nobody_out(clock: Clock) -> None:
    polite = make(clock)
    for who in range(BURST):
        wait_of(polite, who)
    clock.at -= 86_400
    assert wait_of(polite, "after") <= HORIZON_SECONDS


def test_what_another_has_just_seen_is_taken_over_for_a_minute(clock: Clock) -> None:
    polite = make(clock, burst=2)
    wait_of(polite, "www")
    wait_of(polite, "api")
    polite.remember("www", ADDRESS, clock.at, "what was seen")
    clock.at += 0.1
    assert claim(polite, "www") == ("what was seen", 0.0)
    assert wait_of(polite, "api") > 0
    for who in range(200):
        wait_of(polite, who)
    clock.at += MEMORY_SECONDS
    assert wait_of(polite, "www") > 0, "a minute old: no longer what is there now"


def test_nothing_is_remembered_of_an_address_that_is_far_from_its_limit(clock: Clock) -> None:
    polite = make(clock)
    wait_of(polite, "www")
    polite.remember("www", ADDRESS, clock.at, "what was seen")
    for who in range(BURST):
        wait_of(polite, who)
    assert wait_of(polite, "www") > 0


def fail(polite: Politeness, who: Hashable) -> None:
    """A visit that finds nobody at home."""
    with contextlib.suppress(Unreachable), polite.turn(who, 443, Deadline(10)) as turn:
        asyncio.run(turn.enter(ADDRESS))
        raise Unreachable("connect_refused", host="www", port=443)


def test_an_address_that_does_not_answer_is_down_for_all_its_names(clock: Clock) -> None:
    """Or the outage of a host with a thousand names would be told of one after the other, for hours."""
    polite = make(clock, burst=1)
    fail(polite, "www")
    with pytest.raises(ConnectionRefusedError):
        polite.claim(ADDRESS, polite.turn("api", 443, Deadline(10)))
    other_port = polite.turn("api", 8443, Deadline(10))
    with pytest.raises(PutOff):
        polite.claim(ADDRESS, other_port)
    clock.at += MEMORY_SECONDS
    assert wait_of(polite, "api") == 0, "looked at anew"


def test_what_the_operator_opened_knows_no_limit_and_leaves_nothing(clock: Clock) -> None:
    polite = Politeness(now=clock, burst=1, is_exempt=ADDRESS.__eq__)

    async def many() -> None:
        for who in range(100):
            with polite.turn(who, 443, Deadline(10)) as turn:
                await turn.enter(ADDRESS)

    asyncio.run(many())
    polite.remember("www", ADDRESS, clock.at, "what was seen")
    assert polite._addresses == {}
    assert polite._seen == {}


def test_memory_is_bounded(clock: Clock) -> None:
    polite = make(clock, burst=2, addresses=500)
    for number in range(3000):
        address = f"203.0.{number // 256}.{number % 256}"
        for who in range(3):
            wait_of(polite, (number, who), address)
        polite.remember((number, 0), address, clock.at, "what was seen")
    assert len(polite._addresses) <= 500
    assert len(polite._seen) <= REMEMBERED_AT_MOST
    clock.at += 3600
    wait_of(polite, "later")
    assert len(polite._addresses) == 1
    assert polite._seen == {}


# Places


async def hold(polite: Politeness, who: Hashable, inside: list[int], seconds: float = 0.02) -> str:
    try:
        with polite.turn(who, 443, Deadline(10)) as turn:
            await turn.enter(ADDRESS)
            inside[0] += 1
            inside[1] = max(inside)
            await asyncio.sleep(seconds)
            inside[0] -= 1
    except PutOff:
        return "put off"
    return "in"


def test_no_more_than_four_are_connected_at_once_however_many_loops_there_are(clock: Clock) -> None:
    polite = make(clock)
    inside = [0, 0]
    results: list[str] = []

    async def many(first: int) -> None:
        results.extend(await asyncio.gather(*(hold(polite, first + who, inside) for who in range(12))))

    threads = [threading.Thread(target=lambda first=first: asyncio.run(many(first))) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == ["in"] * 36
    assert inside == [0, 4]
    assert polite._addresses[ADDRESS].at_once == 0


def test_whoever_finds_no_place_in_time_is_put_off_and_keeps_the_turn(clock: Clock) -> None:
    polite = make(clock, at_once=1, patience=0.05, burst=2)

    async def two() -> list[str]:
        inside = [0, 0]
        return list(await asyncio.gather(*(hold(polite, who, inside, seconds=0.3) for who in ("first", "second"))))

    assert asyncio.run(two()) == ["in", "put off"]
    assert polite._addresses[ADDRESS].at_once == 0
    assert not polite._addresses[ADDRESS].waiting
    clock.at += 10
    for who in range(BURST):
        wait_of(polite, who)
    assert wait_of(polite, "second") == 0, "what it had been counted for"


def test_a_visit_that_is_cancelled_at_the_door_leaves_no_place_taken(clock: Clock) -> None:
    polite = make(clock, at_once=1)

    async def scene() -> None:
        inside = [0, 0]
        first = asyncio.create_task(hold(polite, "first", inside, seconds=5))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(hold(polite, "second", inside))
        await asyncio.sleep(0.01)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert await hold(polite, "third", inside) == "in"

    asyncio.run(scene())
    assert polite._addresses[ADDRESS].at_once == 0


def test_waiting_for_a_place_is_not_the_hosts_fault(clock: Clock) -> None:
    polite = make(clock, at_once=1)

    async def scene() -> None:
        inside = [0, 0]
        first = asyncio.create_task(hold(polite, "first", inside, seconds=0.2))
        await asyncio.sleep(0.01)
        deadline = Deadline(10)
        with polite.turn("second", 443, deadline) as turn:
            await turn.enter(ADDRESS)
            assert deadline.left() > 9.9
        await first

    asyncio.run(scene())
