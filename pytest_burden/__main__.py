"""``python -m pytest_burden``: the command `burden` of this Python, wherever its scripts are."""

from __future__ import annotations

from pytest_burden.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
