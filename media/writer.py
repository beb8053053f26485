"""The writing threads of the tapes: a file that hangs holds up no other, and whoever puts an order never waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from media.wav import Append, Begin, File, Finish, Order, Written

MOST_THREADS = 16
"""So many files may hang at a time before the others wait for them."""
SLOW_S = 0.25
"""A thread that has been at one order for so long does not count: another takes its place."""
STALLED_S = 10.0
"""A file whose oldest order has waited for so long has failed: what comes for it is kept no longer."""
STALLED = "the disk does not answer"


@dataclass(slots=True, eq=False)
class _Lane:
    """One file's orders, carried out one after another by whichever thread has taken it."""

    number: int
    orders: deque[tuple[float, Order]] = field(default_factory=deque)
    file: File | None = None
    is_taken: bool = False
    is_over: bool = False
    """Its end has been told; a thread that still hangs in it lets go when it can."""


class Writer:
    """Owns the threads, which begin with the first order. `put` never blocks; `done` tells what has been closed, each once."""

    def __init__(
        self, *, slow_s: float = SLOW_S, stalled_s: float = STALLED_S, most_threads: int = MOST_THREADS
    ) -> None:
        self._slow_s, self._stalled_s, self._most = slow_s, stalled_s, most_threads
        self._lock = threading.Condition()
        self._lanes: dict[int, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._done: deque[Written] = deque()
        self._busy: dict[int, tuple[float, _Lane]] = {}
        """What each thread is at, and since when."""
        self._threads: dict[int, threading.Thread] = {}
        self._names = 0
        self._behind = 0
        self._closing = False
        self._looked_at = 0.0

    @property
    def behind(self) -> int:
        """Octets of samples that wait to be written."""
        return self._behind

    def put(self, order: Order) -> None:
        now = time.monotonic()
        with self._lock:
            lane = self._lane(now, order)
            if lane is None:
                return
            if not lane.is_taken:
                lane.is_taken = True
                self._ready.append(lane)
            if not self._threads:
                self._begin()

    def done(self) -> list[Written]:
        """Files closed since the last time, each once. Asked each tick: it wakes a thread for all that was put since."""
        now = time.monotonic()
        if self._ready:
            with self._lock:
                self._lock.notify()
        if now - self._looked_at > self._slow_s / 2:
            self._looked_at = now
            self._look(now)
        return [self._done.popleft() for _ in range(len(self._done))]

    def close(self, timeout_s: float = 10.0) -> None:
        """Write everything that was put and end the threads; a disk that hangs is left behind."""
        until = time.monotonic() + timeout_s
        with self._lock:
            self._closing = True
            self._lock.notify_all()
            while self._lanes and self._threads and time.monotonic() < until:
                self._lock.wait(min(0.05, timeout_s))
                self._help(time.monotonic())
        for thread in tuple(self._threads.values()):
            if thread.ident not in self._hanging():
                thread.join(max(0.0, until - time.monotonic()))

    # -- watching ---------------------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Give up files that hang, and put other threads in the place of those that hang in them."""
        with self._lock:
            for lane in tuple(self._lanes.values()):
                if lane.orders and now - lane.orders[0][0] > self._stalled_s:
                    self._over(lane, STALLED)
            self._help(now)

    def _help(self, now: float) -> None:
        """More threads, while all that there are hang and there is work."""
        working = sum(now - since < self._slow_s for since, _ in self._busy.values())
        idle = len(self._threads) - len(self._busy)
        if self._ready and working + idle < 1 and len(self._threads) < self._most:
            self._begin()

    def _hanging(self) -> set[int | None]:
        now = time.monotonic()
        with self._lock:
            return {
                self._threads[name].ident
                for name, (since, _) in self._busy.items()
                if now - since > self._slow_s and name in self._threads
            }

    def _begin(self) -> None:
        self._names += 1
        name = self._names
        thread = threading.Thread(target=self._work, args=(name,), name=f"tapes {name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    # -- working ----------------------------------------------------------------------------------------------------

    def _work(self, name: int) -> None:
        """Take lanes that have orders, one order at a time, so that a short queue is never behind a long one."""
        while True:
            with self._lock:
                while not self._ready:
                    if self._closing or len(self._threads) - len(self._busy) > 1:
                        del self._threads[name]
                        self._lock.notify_all()
                        return
                    self._lock.wait()
                lane = self._ready.popleft()
                order = lane.orders[0][1]
                self._busy[name] = (time.monotonic(), lane)
            self._carry_out(lane, order)
            with self._lock:
                del self._busy[name]
                self._carried_out(lane, order)

    def obey(self, order: Order) -> None:
        """Carry out one order here and now, where no thread has begun."""
        with self._lock:
            lane = self._lane(time.monotonic(), order)
        if lane is None:
            return
        lane.is_taken = True
        self._carry_out(lane, order)
        with self._lock:
            self._carried_out(lane, order)

    def _lane(self, now: float, order: Order) -> _Lane | None:
        """With the lock: the lane that the order has joined; None: its file has failed."""
        lane = self._lanes.get(order.file)
        if lane is None:
            if not isinstance(order, Begin):
                return None
            lane = self._lanes[order.file] = _Lane(order.file)
        if isinstance(order, Append):
            self._behind += len(order.pcm)
        lane.orders.append((now, order))
        return lane

    def _carry_out(self, lane: _Lane, order: Order) -> None:
        match order:
            case Begin():
                lane.file = File(order)
            case Append(pcm=pcm) if lane.file is not None:
                lane.file.append(pcm)
            case Finish() if lane.file is not None:
                lane.file.close()
            case _:
                pass

    def _carried_out(self, lane: _Lane, order: Order) -> None:
        """With the lock: the next order of the lane, or its end. A file that has failed is told at once, what else comes for it dropped."""
        if lane.is_over:  # it hung, was given up, and has come back
            if lane.file is not None:
                lane.file.close()
            return
        lane.orders.popleft()
        if isinstance(order, Append):
            self._behind -= len(order.pcm)
        error = lane.file.error if lane.file is not None else ""
        if isinstance(order, Finish) or error:
            self._over(lane, error)
        elif lane.orders:
            self._ready.append(lane)
        else:
            lane.is_taken = False

    def _over(self, lane: _Lane, error: str) -> None:
        """With the lock: tell the end of a file, once."""
        lane.is_over = True
        self._behind -= sum(len(order.pcm) for _, order in lane.orders if isinstance(order, Append))
        lane.orders.clear()
        if lane in self._ready:
            self._ready.remove(lane)
        self._lanes.pop(lane.number, None)
        samples = lane.file.samples if lane.file is not None else 0
        self._done.append(Written(file=lane.number, samples=samples, error=error))
        self._lock.notify_all()
