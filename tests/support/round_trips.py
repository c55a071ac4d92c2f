"""How often PostgreSQL is asked, counted on the wire: libpq itself writes down each message of a connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.pq import Trace

ANSWERED = "\tReadyForQuery\t"
"""The server's word that it has answered and waits: there is one for each round trip."""


class RoundTrips:
    """The round trips of one psycopg connection, written to a file as they happen."""

    def __init__(self, connection: Any, file: Path) -> None:
        self.connection, self.file = connection, file

    @contextmanager
    def counting(self) -> Iterator[RoundTrips]:
        """Write down what is asked in the block."""
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self.connection.pgconn.trace(descriptor)
            self.connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            yield self
        finally:
            self.connection.pgconn.untrace()
            os.close(descriptor)

    @property
    def count(self) -> int:
        """How many there were, so far as they are written down."""
        return self.file.read_text(encoding="utf-8", errors="replace").count(ANSWERED)
