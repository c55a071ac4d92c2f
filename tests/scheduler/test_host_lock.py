"""One daemon per store on a host, and no SQLite on a network file system."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scheduler import host_lock
from scheduler.host_lock import HostFault


def test_a_second_daemon_is_refused_by_the_first_one_s_name(tmp_path: Path) -> None:
    file = tmp_path / "data" / "daemon.lock"
    with host_lock.held(file):
        assert json.loads(file.read_text())["pid"] == os.getpid()
        with (
            pytest.raises(HostFault, match=rf"process {os.getpid()} on .*, since \d{{4}}-.*: stop it first"),
            host_lock.held(file),
        ):
            pass
    with host_lock.held(file):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "x" * 3000])
def test_a_garbled_lock_file_is_refused_by_its_path_and_written_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "daemon.lock"
    file.write_text(content)
    with host_lock.held(file):
        assert json.loads(file.read_text())["pid"] == os.getpid()
        file.write_text(content)
        with pytest.raises(HostFault, match=r"the process that holds .*daemon\.lock"), host_lock.held(file):
            pass


MOUNTS = """proc /proc proc rw 0 0
/dev/sda / ext4 rw 0 0
server:/x {nfs} nfs4 rw 0 0
/dev/sdb {inside} xfs rw 0 0
//h/y {space} cifs rw 0 0
"""


def test_the_file_system_is_the_innermost_mount_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nfs, inside, space = tmp_path / "nfs", tmp_path / "nfs" / "in", tmp_path / "a b"
    mounts = MOUNTS.format(nfs=nfs, inside=inside, space=str(space).replace(" ", "\\040"))
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *a, **n: mounts if str(path).endswith("mounts") else real(path, *a, **n)
    )
    for file, kind in (
        (nfs / "x.db", "nfs4"),
        (inside / "x.db", "xfs"),
        (space / "x.db", "cifs"),
        (tmp_path / "nfsx", "ext4"),
    ):
        assert host_lock.file_system(file) == kind
        if kind in host_lock.NETWORK_FILE_SYSTEMS:
            with pytest.raises(HostFault, match=f"network file system \\({kind}\\).*use PostgreSQL"):
                host_lock.refuse_network(file)
        else:
            host_lock.refuse_network(file)


def test_what_cannot_be_told_is_let_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_arguments: object, **_named: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", closed)
    assert host_lock.file_system(tmp_path) == ""
    host_lock.refuse_network(tmp_path)
