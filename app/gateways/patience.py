"""The web server's side of a connection, which waits for the head of a request only so long and takes only so much of
it. uvicorn itself waits for ever for one that has begun: a few thousand half-sent ones would leave no connection for
anybody else."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """Hangs up where the head of a request does not come whole. The rest of it is `routes.guard.BodyGuard`'s, a
    connection between two requests uvicorn's own."""

    HEAD_SECONDS: ClassVar[float] = 10
    HEAD_BYTES: ClassVar[int] = 64 * 1024
    """No browser sends more, and this parser, unlike uvicorn's other one, would take any amount into memory."""
    _late: asyncio.TimerHandle | None = None
    _unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has called and now must speak."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """A piece came. Pieces of one head do not begin the wait anew."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.HEAD_BYTES:
            self.transport.close()
        self._await_head()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body, of which `BodyGuard` knows the end."""
        self._unread = 0
        super().on_body(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._late is None:
            self._late = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
