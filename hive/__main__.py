"""Entry of the zipapp and of `python -m hive`."""

from __future__ import annotations

import sys

from hive.cli import main

if __name__ == "__main__":
    sys.exit(main())
