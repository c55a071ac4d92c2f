"""The model beside the real code: ``python -m tests.oracle --examples N --steps M --database sqlite|postgresql --seed S``."""

from __future__ import annotations

import sys

from tests.oracle.campaign import main

if __name__ == "__main__":
    sys.exit(main())
