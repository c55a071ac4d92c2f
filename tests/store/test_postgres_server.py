"""The tests' own PostgreSQL: it ends with its session, also when the session is killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.city import CHECKOUT
from tests.support.databases import Databases, libpq

SESSION = """
import sys
from tests.support.postgres_server import PostgresSession, url_of_server
session = PostgresSession()
print(session.folder, flush=True)
print(url_of_server(session.folder), flush=True)
sys.stdin.readline()
session.end()
"""


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_the_server_ends_with_its_session(killed: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    url = process.stdout.readline().strip()
    with psycopg.connect(f"{libpq(url)}/postgres") as connection:
        assert connection.info.server_version >= 180000
    postmaster = os.pidfd_open(int((folder / "base" / "data" / "postmaster.pid").read_text().split()[0]))
    if killed:
        process.send_signal(signal.SIGKILL)
    process.communicate("end\n" if not killed else None, timeout=30)
    ended, _, _ = select.select([postmaster], [], [], 30)
    os.close(postmaster)
    assert ended
    if not killed:
        assert not folder.exists()


def test_every_store_is_fresh_and_has_its_own_name(databases: Databases) -> None:
    """Two stores of one template share nothing, and a dropped one takes its connections along."""
    with databases.postgres() as first, databases.postgres() as second:
        left_open = psycopg.connect(libpq(first))
        names = []
        for url in (first, second):
            with psycopg.connect(libpq(url)) as connection:
                names += connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchall()
        assert len(set(names)) == 2
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()
