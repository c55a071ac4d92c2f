"""How people are named. Not in `governance.authority`: a stop looks names up, checks none, and must not load this."""

from __future__ import annotations

import re

PERSON_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
"""A person's short name: what files and logs carry."""
