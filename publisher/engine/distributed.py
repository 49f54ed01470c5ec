"""Workers beside one another on PostgreSQL, and the jobs of Procrastinate that call them.

The chunks in the ledger are the truth and a job is a doorbell: one that is lost, doubled or late
does no harm, since a worker also looks by itself every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from publisher.errors import ConfigError, Problem
from publisher.store import doorbells

if TYPE_CHECKING:
    import threading

    from publisher.app import Site
    from publisher.model import Edition
    from publisher.store import Transaction

_QUEUE = "chunks"
_TASK = "send"
_STALLED_SECONDS = 60.0
"""A job of a worker that was not heard of for so long is nobody's."""
_AGAIN_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Sender(Protocol):
    """What is woken: it sends a round, and can be waited for."""

    def wake(self) -> int:
        """Ask for a round that begins from now on; return its number."""

    def wait(self, number: int) -> None:
        """Wait until that round came to its end."""


class Bells:
    """The doorbells of one site: rung by whoever opens an edition, answered by a worker."""

    def __init__(self, site: Site) -> None:
        """Make the place where jobs are kept, where it is not there.

        Raises ConfigError without Procrastinate, Unavailable without the database.
        """
        try:
            import procrastinate  # noqa: PLC0415 - a site that has not grown needs none
        except ImportError as error:
            raise ConfigError(_not_installed()) from error
        for name in ("procrastinate", "psycopg.pool"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._sender: Sender | None = None
        statements = procrastinate.schema.SchemaManager.get_schema()
        doorbells.make_place(site.store, procrastinate.__version__, statements)
        connector = procrastinate.PsycopgConnector(
            kwargs=doorbells.connect_args(site.store), min_size=1, max_size=3
        )
        self._app = procrastinate.App(connector=connector)
        self._errors = (procrastinate.exceptions.ProcrastinateException,)
        self._task = self._app.task(name=_TASK, queue=_QUEUE)(self._answer)

    def ring(self, tx: Transaction, edition: Edition) -> None:
        """Put up a job for each chunk of an edition, in the transaction that lets it be sent.

        Where that fails the edition is sent all the same: workers look by themselves.
        """
        jobs: list[dict[str, Any]] = [
            {"edition_id": edition.id, "chunk_id": one}
            for one in doorbells.read_chunks(tx, edition.id)
        ]
        try:
            with tx.begin_nested():
                connection = doorbells.open_place(tx)
                self._task.configure(connection=connection).batch_defer(*jobs)
        except self._errors as error:
            _log.warning("workers were not called, and will find the edition: %s", error)

    def answer(self, sender: Sender, stopping: threading.Event) -> None:
        """Let jobs wake a sender until it is asked to stop; a database that is away is asked again."""
        self._sender = sender
        while not stopping.is_set():
            try:
                asyncio.run(self._listen(stopping))
            except Exception as error:  # noqa: BLE001 - the sender looks by itself meanwhile
                _log.warning("no job can be heard for now: %s", error)
            stopping.wait(_AGAIN_SECONDS)

    async def _listen(self, stopping: threading.Event) -> None:
        async with self._app.open_async():
            await self._forget_stalled()
            work = asyncio.create_task(
                self._app.run_worker_async(
                    queues=[_QUEUE],
                    install_signal_handlers=False,
                    delete_jobs="always",
                )
            )
            stopped = asyncio.create_task(asyncio.to_thread(stopping.wait))
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
            await asyncio.gather(work, return_exceptions=stopping.is_set())

    async def _forget_stalled(self) -> None:
        """Remove the jobs of workers that are gone: their chunks are taken over, not their jobs."""
        manager = self._app.job_manager
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_SECONDS)
        for job in stalled:
            await manager.finish_job(job, status=_aborted(), delete_job=True)

    def _answer(self, **_chunk: Any) -> None:
        """Wake the sender, and be at work as long as it is: other jobs are for other workers."""
        if self._sender:
            self._sender.wait(self._sender.wake())


def _aborted() -> Any:
    from procrastinate.jobs import Status  # noqa: PLC0415 - as above

    return Status.ABORTED


def _not_installed() -> Problem:
    return Problem(
        code="engine.procrastinate",
        path="procrastinate",
        expected="the package that carries jobs between processes",
        got="none",
        hint="pip install 'publisher[grown]', or use: publisher run",
    )
