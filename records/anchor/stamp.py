"""Time stamps of an authority (RFC 3161): asked for, and held to what was asked for, to its signature and to whom it trusts.

The stamp is made over the entry's own bytes, so that its imprint is the entry's hash: any other program can check it
(``openssl ts -verify -digest HASH``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from config import clock, extra, small_file
from records.anchor.fault import AnchorError

SHA256 = "2.16.840.1.101.3.4.2.1"
MOST_BYTES = 2**20
"""Of a stamp, and of a file of certificates; a stamp has some thousands."""
NOT_INSTALLED = f"rfc3161-client is not installed: {extra.install('records')}"
EXCERPT = 200
PEM_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Stamp:
    """The authority's whole answer, and the moment that it vouches for (wall µs)."""

    token: bytes
    at: int


def is_installed() -> bool:
    """True when stamps can be asked for and checked."""
    return find_spec("rfc3161_client") is not None


def ask(body: bytes, digest: str, send: Callable[[bytes], bytes], trusted: Sequence[Any]) -> Stamp:
    """A stamp over `body`, whose SHA-256 is `digest`. `send` takes the request to the authority and brings back its answer.

    Raises AnchorError for an answer that is none, is another's (nonce, imprint), or is signed by nobody of `trusted`.
    """
    if not is_installed():
        raise AnchorError(NOT_INSTALLED)
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    made = TimestampRequestBuilder().data(body).hash_algorithm(HashAlgorithm.SHA256)
    request = made.nonce(nonce=True).cert_request(cert_request=True).build()
    token = send(request.as_bytes())
    return Stamp(token, check(token, digest, trusted, request.nonce))


def check(token: bytes, digest: str, trusted: Sequence[Any], nonce: int | None = None) -> int:
    """The moment (wall µs) that a stamp over `digest` vouches for. Raises AnchorError when it does not hold."""
    if not is_installed():
        raise AnchorError(NOT_INSTALLED)
    if len(token) > MOST_BYTES:
        raise AnchorError(f"the stamp has {len(token)} bytes, more than {MOST_BYTES}")
    try:
        return _checked(token, digest, trusted, nonce)
    except AnchorError:
        raise
    except Exception as error:  # the library's own, for bytes that anybody may have written
        raise AnchorError(f"the stamp does not hold: {_line(error)}") from None


def _checked(token: bytes, digest: str, trusted: Sequence[Any], nonce: int | None) -> int:
    from rfc3161_client import decode_timestamp_response

    answer = decode_timestamp_response(token)
    if answer.status != 0:
        told = " ".join(answer.status_string) or "no reason given"
        raise AnchorError(f"the authority refused (status {answer.status}): {_line(told)}")
    info = answer.tst_info
    if info.message_imprint.hash_algorithm.dotted_string != SHA256 or info.message_imprint.message.hex() != digest:
        raise AnchorError("the stamp is over something else")
    _verifier(trusted, nonce).verify(answer, bytes.fromhex(digest))
    return clock.from_datetime(info.gen_time)


def _verifier(trusted: Sequence[Any], nonce: int | None) -> Any:
    from rfc3161_client import VerifierBuilder

    roots = [item for item in trusted if item.issuer == item.subject] or list(trusted)
    between = [item for item in trusted if item not in roots]
    return VerifierBuilder(roots=roots, intermediates=between, nonce=nonce).build()


def trusted(file: Path | None) -> list[Any]:
    """The certificates of `file` (PEM); without one, of the public authorities that are trusted anyway. Raises AnchorError."""
    if not is_installed():
        raise AnchorError(NOT_INSTALLED)
    if file is None:
        return _public()
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(small_file.text(file, MOST_BYTES).encode())
    except OSError as error:
        raise AnchorError(f"anchor_certificate {file}: {error.strerror or error}: name the file") from None
    except ValueError as error:
        remedy = "give the authority's certificates as PEM"
        raise AnchorError(f"anchor_certificate {file}: {_line(error)}: {remedy}") from None


def _public() -> list[Any]:
    """Those of the public authorities that can be read; some are older than the rules of today."""
    import certifi
    from cryptography import x509

    found: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in Path(certifi.where()).read_text("utf-8").split(PEM_END)[:-1]:
            with suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(f"{block}{PEM_END}".encode()))
    return found


def _line(text: object) -> str:
    return " ".join(str(text).split())[:EXCERPT]
