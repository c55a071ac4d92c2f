"""The connections to the stop page: a bounded number, each for one request, which must come soon.

When there is no room for another, the one that has asked for nothing for longest is closed: who holds connections open keeps
nobody out. uvicorn's own limit would answer 503 instead, and so lock the stop out.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 256
REQUEST_S = 10.0
"""From the connection (with its TLS) to the request's last byte."""
HANDSHAKE_S = 5.0
LIFE_S = 60.0
MOST_EARLY = 16384
"""Bytes of a client that speaks before it is known that its handshake is over."""


class Room:
    """The connections that are open, oldest first."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.open: dict[OneRequest, asyncio.Transport] = {}

    def enter(self, connection: OneRequest, transport: asyncio.Transport) -> None:
        """Take it in, and close another when there are too many."""
        if len(self.open) >= self.most:
            idlest = next((item for item in self.open if not item.has_asked), next(iter(self.open)))
            self.open.pop(idlest).abort()
        self.open[connection] = transport

    def leave(self, connection: OneRequest) -> None:
        """It is closed."""
        self.open.pop(connection, None)


class RoomConfig(Config):
    """uvicorn's configuration with what `OneRequest` needs beside it."""

    def __init__(self, app: Any, room: Room, secured: ssl.SSLContext | None, **values: Any) -> None:
        super().__init__(app, http=OneRequest, **values)
        self.room, self.secured = room, secured


class OneRequest(H11Protocol):
    """A connection to the page. Every answer closes it (the pages say ``Connection: close``)."""

    config: RoomConfig
    _raw: asyncio.Transport
    _is_made = False
    _early = b""

    @property
    def has_asked(self) -> bool:
        """True once the whole request is there."""
        return self.cycle is not None and not self.cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection in; its clocks run from now, also during a handshake."""
        self._raw = transport
        self.config.room.enter(self, transport)
        self._clocks = [
            self.loop.call_later(REQUEST_S, self._end_unless_asked),
            self.loop.call_later(LIFE_S, transport.abort),
        ]
        if self.config.secured is None:
            self._begin(transport)
            return
        transport.pause_reading()
        self._handshake = self.loop.create_task(self._secure(transport, self.config.secured))

    async def _secure(self, raw: asyncio.Transport, context: ssl.SSLContext) -> None:
        try:
            secured = await self.loop.start_tls(
                raw,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=HANDSHAKE_S,
            )
        except OSError:  # also what TLS refuses, and a handshake that takes too long
            raw.abort()
            return
        if secured is not None:
            self._begin(secured)

    def _begin(self, transport: asyncio.Transport) -> None:
        self._is_made = True
        super().connection_made(transport)
        if self._early:
            super().data_received(self._early)

    def data_received(self, data: bytes) -> None:
        """Bytes of the request; those that come before the handshake is told to be over are kept till then."""
        if self._is_made:
            super().data_received(data)
        elif len(self._early) + len(data) > MOST_EARLY:
            self._raw.abort()
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free again."""
        self.config.room.leave(self)
        for timer in self._clocks:
            timer.cancel()
        if self._is_made:
            super().connection_lost(exc)

    def _end_unless_asked(self) -> None:
        if not self.has_asked:
            self._raw.abort()
