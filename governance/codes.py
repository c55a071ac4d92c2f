"""Codes that people read from paper or aloud: made, normalised, and kept as a hash. Standard library only."""

from __future__ import annotations

import hashlib
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without the letters and digits that are mistaken for one another when read aloud."""


def make(length: int) -> str:
    """A random code; each character is worth nearly five bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def in_groups(code: str, size: int = 5) -> str:
    """`code` in groups of `size` with dashes between, as it is printed."""
    return "-".join(code[start : start + size] for start in range(0, len(code), size))


def hash_of(text: str) -> str:
    """The SHA-256 (hex) of what somebody typed: neither case, dashes nor spaces count."""
    normal = "".join(char for char in text.upper() if char.isalnum())
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()
