"""Work on recordings beside the calls: a few processes of low priority, started when there is work and ended when there is none."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog

log = structlog.get_logger(__name__)

IDLE_S = 60.0
LONGEST_S = 1800.0
"""A job that takes so long is given up, and its process with it."""

Job = Mapping[str, object]
COMMAND = (*(("nice", "-n", "10") if shutil.which("nice") else ()), sys.executable, "-m", "gateway.storage.worker")
"""Of low priority from its first import on: a call must not notice it."""
JOBS = ("trim", "shape", "draw")


class JobFailed(Exception):
    """The work could not be done; the words are the worker's."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """The progress figure of `/metrics`."""

    waiting: Mapping[str, int]
    running: Mapping[str, int]
    done: Mapping[str, int]
    failed: Mapping[str, int]
    shares: Mapping[str, float]
    """How much of what is being worked on is done, 0 to 1, by kind of job."""


class Workshop:
    """Owns the processes and the queue: what is urgent (a callback waits for it) goes first."""

    def __init__(self, workers: int = 2, *, idle_s: float = IDLE_S) -> None:
        self._most = workers
        self._idle_s = idle_s
        self._jobs: asyncio.PriorityQueue[tuple[int, int, Job, asyncio.Future[dict[str, Any]]]] = (
            asyncio.PriorityQueue()
        )
        self._order = itertools.count()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._waiting: Counter[str] = Counter()
        self._shares: dict[int, tuple[str, float]] = {}
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        while not self._jobs.empty():
            *_, done = self._jobs.get_nowait()
            if not done.done():
                done.set_exception(JobFailed("the gateway closes"))
                done.exception()  # whoever waits hears of it; nobody has to

    async def do(self, job: Job, *, urgent: bool = False) -> dict[str, Any]:
        """Wait for a worker to have done it. Raises `JobFailed`."""
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[str(job["job"])] += 1
        self._jobs.put_nowait((0 if urgent else 1, next(self._order), job, done))
        self.warm()
        return await done

    def warm(self) -> None:
        """Start a worker if none is idle: it takes a moment."""
        if self._idle == 0 and len(self._workers) < self._most:
            worker = asyncio.get_running_loop().create_task(self._work(), name="worker")
            self._workers.add(worker)
            worker.add_done_callback(self._left)

    def figures(self) -> Figures:
        running = Counter(kind for kind, _ in self._shares.values())
        shares = {
            kind: sum(share for name, share in self._shares.values() if name == kind) / count
            for kind, count in running.items()
        }
        return Figures(waiting=self._waiting, running=running, done=self._done, failed=self._failed, shares=shares)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (fault := worker.exception()) is not None:
            log.error("a worker failed", fault=str(fault))
        if not self._jobs.empty() and not worker.cancelled():
            self.warm()

    async def _work(self) -> None:
        """One worker's life: until it has been idle for long, or its process has gone."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            while process.returncode is None:
                self._idle += 1
                try:
                    async with asyncio.timeout(self._idle_s):
                        _, order, job, done = await self._jobs.get()
                except TimeoutError:
                    return
                finally:
                    self._idle -= 1
                kind = str(job["job"])
                self._waiting[kind] -= 1
                if done.done():
                    continue
                if not await self._try(process, order, job, done):
                    return
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _try(
        self, process: asyncio.subprocess.Process, order: int, job: Job, done: asyncio.Future[dict[str, Any]]
    ) -> bool:
        """Do one job. False: the process is of no more use."""
        kind = str(job["job"])
        self._shares[order] = (kind, 0.0)
        fault, is_alive = "the gateway closes", False
        try:
            async with asyncio.timeout(LONGEST_S):
                answer = await self._ask(process, order, job)
            fault, is_alive = str(answer.get("fault", "")), True
            if not fault and not done.done():
                done.set_result(answer["done"])
        except (OSError, EOFError, ValueError, TimeoutError) as lost:
            fault = f"the worker has gone: {lost or type(lost).__name__}"
        finally:
            del self._shares[order]
            (self._failed if fault else self._done)[kind] += 1
            if fault and not done.done():
                log.warning("work on a recording failed", job=kind, source=job.get("source"), fault=fault)
                done.set_exception(JobFailed(fault))
        return is_alive

    async def _ask(self, process: asyncio.subprocess.Process, order: int, job: Job) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipe")
        process.stdin.write(json.dumps(job).encode() + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if "share" not in answer:
                return answer
            self._shares[order] = (str(job["job"]), float(answer["share"]))
        raise EOFError("it ended")
