"""An address to listen on, as people write it: ``127.0.0.1:8443``, ``[::1]:8443``, ``localhost:8443``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]{2,60})\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A host (name or number) and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that `text` names. Raises ValueError saying how one is written."""
        found = _FORM.fullmatch(text.strip())
        if found is None or int(found["port"]) > 65535:
            raise ValueError("is no address: write HOST:PORT, such as 127.0.0.1:8443")
        return cls(found["v6"] or found["host"], int(found["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
