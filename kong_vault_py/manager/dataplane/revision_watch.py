"""Waiting for a group's change, whichever manager made it: one look at the database per interval for all who wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool

__all__ = ["RevisionWatch"]

log = logging.getLogger(__name__)


class RevisionWatch:
    """Tells long polls when a group's revision is another one. Lives in one event loop.

    Args:
        revisions: reads the revision of every group; may raise.
        every_s: seconds between two looks, while anybody waits.
    """

    def __init__(self, revisions: Callable[[], Mapping[str, int]], every_s: float = 0.5) -> None:
        self._revisions = revisions
        self._every_s = every_s
        self._known: Mapping[str, int] = {}
        self._looked = asyncio.Event()
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._waiting

    async def changed(self, group_id: str, after: int, wait_s: float) -> bool:
        """Return ``True`` as soon as the group's revision isn't ``after``, ``False`` after ``wait_s`` or at the end.

        Another revision, not a later one: after a restored backup it may be earlier.
        """
        known = await run_in_threadpool(self._revisions)
        if known.get(group_id, 0) != after:
            return True
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        self._waiting += 1
        try:
            while not self._stopping and (left := end - loop.time()) > 0:
                looked = self._next_look()
                try:
                    await asyncio.wait_for(looked.wait(), left)
                except asyncio.TimeoutError:
                    return False
                if self._known.get(group_id, 0) != after:
                    return True
            return False
        finally:
            self._waiting -= 1

    def stop(self) -> None:
        """Send everybody home: the process ends."""
        self._stopping = True
        self._looked.set()

    def _next_look(self) -> asyncio.Event:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looked

    async def _look(self) -> None:
        """Look as long as anybody waits."""
        while self._waiting and not self._stopping:
            await asyncio.sleep(self._every_s)
            try:
                self._known = await run_in_threadpool(self._revisions)
            except Exception as error:
                # Whoever waits goes on: the database may come back.
                log.warning("can't read the groups' revisions: %s", type(error).__name__)
                continue
            looked, self._looked = self._looked, asyncio.Event()
            looked.set()
