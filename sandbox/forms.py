"""Forms as clients send them: URL-encoded, or multipart with files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from urllib.parse import parse_qsl

from sandbox.messages import Request


@dataclass(frozen=True)
class Form:
    """A form's fields and files, by name; of a repeated name the last."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes]


def read_form(request: Request) -> Form:
    """The form in the body of `request`, empty when the body is not a form."""
    content_type = request.header("content-type")
    if content_type.startswith("multipart/form-data"):
        return _multipart(content_type, request.body)
    if content_type.startswith("application/x-www-form-urlencoded"):
        try:
            return Form(dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)), {})
        except ValueError:
            return Form({}, {})
    return Form({}, {})


def _multipart(content_type: str, body: bytes) -> Form:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = message_from_bytes(head + body, policy=policy.HTTP)
    fields, files = {}, {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is None:
            fields[name] = content.decode("utf-8", "replace")
        else:
            files[name] = content
    return Form(fields, files)
