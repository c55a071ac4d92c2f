"""One daemon per store on a host: the lock that a second one is refused by, naming the first."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import clock, failpoint
from config.fault import Fault
from scheduler import liveness

NETWORK_FILE_SYSTEMS = frozenset(
    """nfs nfs4 cifs smb3 smbfs 9p afs coda ceph glusterfs lustre beegfs gpfs orangefs pvfs2 gfs2 ocfs2 davfs virtiofs vboxsf
    vmhgfs prl_fs fuse.sshfs fuse.glusterfs fuse.rclone fuse.ceph fuse.ceph-fuse fuse.davfs fuse.s3fs fuse.gcsfuse fuse.mfs
    fuse.vmhgfs-fuse fuse.juicefs fuse.curlftpfs
    """.split()  # noqa: SIM905 (a list of quoted words is harder to read)
)


class HostFault(Fault):
    """This host may not run a daemon on this store now."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The daemon's lock until the block ends. Raises HostFault naming the process that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            with failpoint.step("host.lock"):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HostFault(_refusal(path, os.pread(descriptor, 1024, 0))) from None
        about = {"pid": os.getpid(), "host": liveness.host(), "since": clock.to_text(clock.wall_us())}
        with failpoint.step("host.write"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _refusal(path: Path, content: bytes) -> str:
    try:
        about = json.loads(content)
        who = f"process {about['pid']} on {about['host']}, since {about['since']}"
    except (ValueError, KeyError, TypeError):
        who = f"the process that holds {path}"
    return f"another daemon publishes from this store already ({who}): stop it first, or point database_url elsewhere"


def refuse_network(file: Path) -> None:
    """Raise HostFault when a SQLite database lies on a network file system, whose locks cannot be trusted."""
    kind = file_system(file)
    if kind in NETWORK_FILE_SYSTEMS:
        raise HostFault(
            f"{file} lies on a network file system ({kind}), whose locks cannot be trusted: "
            "put it on a local disk, or use PostgreSQL"
        )


def file_system(file: Path) -> str:
    """The kind of file system that `file` lies on, from ``/proc/self/mounts``; empty when it cannot be told."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        real = file.resolve()
    except OSError:
        return ""
    best = ("", "")
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if real.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
