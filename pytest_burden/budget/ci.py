"""Whether this is a run of continuous integration."""

from __future__ import annotations

import os


def on_ci() -> bool:
    """Return whether ``CI`` is set, to anything but a no."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no")
