"""Politeness towards hosts: how many connections one address gets from this process, whoever asks for them.

Many domains of many customers live behind one address, and many workspaces may watch one host. Each
address has a bucket of connections across all workspaces, and so many at once. A visit over its budget is
no failure: it takes over what another visit has just seen of the same host, or it is told when its turn
comes. Turns are given in the order of asking and kept, and no workspace holds more than its share of them,
so nobody starves. Nothing here touches the database. Addresses that the operator opened (EGRESS_ALLOW_CIDRS)
know no limit and no memory.
"""

import asyncio
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from config.lib import clock, egress

# 1,000 domains behind one address of a CDN, each visited every 15 minutes, are 67 a minute; 120 serve 1,800.
A_MINUTE = 120
BURST = 40
AT_ONCE = 4
# For so long a visit waits at the door for one of the AT_ONCE to leave before it is put off.
PATIENCE_SECONDS = 3.0
# What was seen by others counts for so long, measured from the beginning of their look.
MEMORY_SECONDS = 60.0
# Turns are promised for so long ahead; whoever comes to a longer queue asks again within this time.
HORIZON_SECONDS = 600.0
# A turn that nobody came for is given up after so long.
MISSED_SECONDS = 300.0
# Looks are remembered for addresses that are near their limit alone; a chain has a few kilobytes.
REMEMBERED_AT_MOST = 1000
ADDRESSES_AT_MOST = 20_000
_SWEEP_SECONDS = 60.0

_FAILURES: dict[str, type[OSError]] = {
    "connect_refused": ConnectionRefusedError,
    "connect_timeout": TimeoutError,
    "connect_unreachable": OSError,
}


class PutOff(Exception):
    """Over budget: `known` is what another visit has just seen, else the turn comes in `seconds`."""

    def __init__(self, seconds: float, known: Any = None) -> None:
        super().__init__(f"in {seconds:.1f} seconds")
        self.seconds = seconds
        self.known = known


@dataclass(slots=True)
class _Turns:
    """The promised ones: when each is due and whose it is, by who asked; `held` counts them by whose they are."""

    promised: dict[Hashable, tuple[float, Hashable]] = field(default_factory=dict)
    held: Counter[Hashable] = field(default_factory=Counter)

    def due(self, who: Hashable) -> float | None:
        return self.promised[who][0] if who in self.promised else None

    def promise(self, who: Hashable, due: float, owner: Hashable) -> None:
        self.take(who)
        self.promised[who] = due, owner
        self.held[owner] += 1

    def take(self, who: Hashable) -> None:
        if who in self.promised:
            _, owner = self.promised.pop(who)
            self.held[owner] -= 1
            if not self.held[owner]:
                del self.held[owner]

    def forget_missed(self, now: float) -> None:
        for who in [who for who, (due, _) in self.promised.items() if due + MISSED_SECONDS < now]:
            self.take(who)

    def has_share(self, owner: Hashable, of: float) -> bool:
        """Whether `owner` holds as many of `of` turns as everybody may: there is a share more than there are owners.

        The one left over is for whoever comes next. Otherwise thousands of names that one workspace points at an
        address would hold all its turns for ever, and nobody else's domain there would be looked at again.
        """
        return self.held[owner] >= of / (len(self.held.keys() | {owner}) + 1)


@dataclass(slots=True)
class _Address:
    """`ready_at` is when the bucket will be full again."""

    ready_at: float
    at_once: int = 0
    waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = field(default_factory=deque)
    turns: _Turns = field(default_factory=_Turns)
    failures: dict[int, tuple[float, type[OSError]]] = field(default_factory=dict)

    def is_idle(self, now: float) -> bool:
        return (
            self.ready_at <= now
            and not self.at_once
            and not self.waiting
            and not self.turns.promised
            and all(at + MEMORY_SECONDS < now for at, _ in self.failures.values())
        )


class Politeness:
    """The buckets of one process; safe among threads and event loops. `now` is in seconds."""

    def __init__(
        self,
        *,
        a_minute: float = A_MINUTE,
        burst: int = BURST,
        at_once: int = AT_ONCE,
        patience: float = PATIENCE_SECONDS,
        addresses: int = ADDRESSES_AT_MOST,
        now: Callable[[], float] = lambda: clock.now().timestamp(),
        is_exempt: Callable[[str], bool] = egress.is_opened,
    ) -> None:
        self.pause = 60.0 / a_minute
        self.burst = burst
        self.at_once = at_once
        self.patience = patience
        self.addresses = addresses
        self.now = now
        self.is_exempt = is_exempt
        self._lock = threading.Lock()
        self._addresses: dict[str, _Address] = {}
        self._seen: dict[Hashable, tuple[float, Any]] = {}
        self._swept_at = 0.0

    def turn(
        self, who: Hashable, port: int, deadline: egress.Deadline, *, follows: bool = False, owner: Hashable = None
    ) -> "Turn":
        """For one connection of the visit to `who`; one that `follows` an admitted one is counted, never refused.

        `owner` is the workspace that asks.
        """
        return Turn(self, who, port, deadline, follows, owner)

    def claim(self, address: str, turn: "Turn") -> None:
        """Take one connection out of the address's bucket. Raises PutOff, or how the address has just failed."""
        now = self.now()
        with self._lock:
            self._sweep(now)
            place = self._addresses.setdefault(address, _Address(now))
            promised = place.turns.due(turn.who)
            due = now - 2 * MISSED_SECONDS if promised is None else promised
            if due <= now < due + MISSED_SECONDS:
                place.turns.take(turn.who)
                return
            # No further ahead than turns are promised: the clock may have been set back.
            furthest = now + HORIZON_SECONDS + self.burst * self.pause
            place.ready_at = min(max(place.ready_at, now), furthest)
            wait = place.ready_at - now - (self.burst - 1) * self.pause
            if turn.follows or (wait <= 0 and due <= now):
                place.ready_at += self.pause
                return
            self._raise_what_is_known(place, turn, now)
            raise PutOff(due - now if due > now else self._promise(place, turn, now, wait))

    def _raise_what_is_known(self, place: _Address, turn: "Turn", now: float) -> None:
        at, known = self._seen.get(turn.who, (now - MEMORY_SECONDS, None))
        if now - at < MEMORY_SECONDS:
            raise PutOff(0.0, known)
        at, failure = place.failures.get(turn.port, (now - MEMORY_SECONDS, OSError))
        if now - at < MEMORY_SECONDS:
            raise failure

    def _promise(self, place: _Address, turn: "Turn", now: float, wait: float) -> float:
        """Seconds until the turn that is now promised, or until it is worth asking again."""
        if wait > HORIZON_SECONDS:
            return random.uniform(HORIZON_SECONDS / 2, HORIZON_SECONDS)  # noqa: S311  (no secret)
        if place.turns.has_share(turn.owner, HORIZON_SECONDS / self.pause):
            # Before all of its own turns are over: nothing of the budget is left unused.
            return random.uniform(HORIZON_SECONDS / 4, HORIZON_SECONDS / 2)  # noqa: S311  (no secret)
        place.ready_at += self.pause
        place.turns.promise(turn.who, now + wait, turn.owner)
        return wait

    async def enter(self, address: str, turn: "Turn") -> None:
        """Wait for one of the AT_ONCE places; one is held afterwards. Raises PutOff, with the turn kept."""
        loop = asyncio.get_running_loop()
        with self._lock:
            place = self._addresses.setdefault(address, _Address(self.now()))
            if place.at_once < self.at_once:
                place.at_once += 1
                return
            entry = loop, loop.create_future()
            place.waiting.append(entry)
        try:
            async with asyncio.timeout(self.patience):
                await entry[1]
        except BaseException as error:
            self._forsake(address, entry)
            if not isinstance(error, TimeoutError):
                raise
            raise PutOff(self._keep_turn(place, turn)) from None

    def _forsake(self, address: str, entry: Any) -> None:
        """Out of the queue; a place that was handed over in the same moment goes to the next one."""
        with self._lock:
            if entry in self._addresses[address].waiting:
                self._addresses[address].waiting.remove(entry)
                return
        self.leave(address)

    def _keep_turn(self, place: _Address, turn: "Turn") -> float:
        """What was paid for stays: only the place was missing."""
        seconds = random.uniform(2, 10)  # noqa: S311  (no secret)
        with self._lock:
            place.turns.promise(turn.who, self.now() + seconds, turn.owner)
        return seconds

    def leave(self, address: str) -> None:
        """Hand the place to whoever waits longest."""
        with self._lock:
            place = self._addresses[address]
            while place.waiting:
                loop, future = place.waiting.popleft()
                try:
                    loop.call_soon_threadsafe(_wake, future)
                except RuntimeError:  # Its loop has been closed meanwhile.
                    continue
                return
            place.at_once -= 1

    def note_failure(self, address: str, port: int, code: str) -> None:
        """Nothing answers at this address and port: a fact for all names that lead there."""
        if code in _FAILURES:
            with self._lock:
                self._addresses[address].failures[port] = self.now(), _FAILURES[code]

    def remember(self, who: Hashable, address: str, began: float, seen: Any) -> None:
        """What a look that began then has seen, for visits to the same `who` that are over budget."""
        with self._lock:
            place = self._addresses.get(address)
            if place is None or place.ready_at - began < self.burst * self.pause / 2:
                return
            self._seen.pop(who, None)
            self._seen[who] = began, seen
            if len(self._seen) > REMEMBERED_AT_MOST:
                del self._seen[next(iter(self._seen))]

    def _sweep(self, now: float) -> None:
        """Full buckets say nothing. When there are too many others, the oldest without a connection go."""
        is_crowded = len(self._addresses) >= self.addresses
        if abs(now - self._swept_at) < _SWEEP_SECONDS and not is_crowded:
            return
        self._swept_at = now
        for place in self._addresses.values():
            place.turns.forget_missed(now)
        self._seen = {who: kept for who, kept in self._seen.items() if now - kept[0] < MEMORY_SECONDS}
        self._addresses = {name: place for name, place in self._addresses.items() if not place.is_idle(now)}
        quiet = [name for name, place in self._addresses.items() if not place.at_once and not place.waiting]
        for name in quiet[: self.addresses // 10] if is_crowded else ():
            del self._addresses[name]


class Turn:
    """One connection from asking for it to its end; `with` it around the connection, `enter` before each attempt."""

    def __init__(
        self,
        politeness: Politeness,
        who: Hashable,
        port: int,
        deadline: egress.Deadline,
        follows: bool,
        owner: Hashable,
    ) -> None:
        self.who = who
        self.port = port
        self.follows = follows
        self.owner = owner
        self._deadline = deadline
        self._politeness = politeness
        self._address = ""

    @property
    def patience(self) -> float:
        return self._politeness.patience

    async def enter(self, address: str) -> None:
        """Be counted at `address`, and no longer at the one before. Raises PutOff, or OSError for one that is down."""
        self._leave()
        if self._politeness.is_exempt(address):
            return
        self._politeness.claim(address, self)
        began = time.monotonic()
        await self._politeness.enter(address, self)
        self._address = address
        # The host is not to be blamed for how long it waited for us.
        self._deadline.extend(time.monotonic() - began)

    def _leave(self) -> None:
        if self._address:
            self._politeness.leave(self._address)
        self._address = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._address and isinstance(error, egress.Unreachable):
            self._politeness.note_failure(self._address, self.port, error.code)
        self._leave()


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


# Of this process: each of several is as polite on its own.
POLITENESS = Politeness()
