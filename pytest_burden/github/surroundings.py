"""What GitHub Actions tells a job in its environment."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping

from pytest_burden.errors import BurdenError
from pytest_burden.github.client import Client

API = "https://api.github.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_TOKEN = re.compile(r"[!-~]+")
_LOCAL = ("127.0.0.1", "::1", "localhost")


def variable(environment: Mapping[str, str], name: str, hint: str = "") -> str:
    """Return a variable that GitHub Actions sets.

    Raises:
        BurdenError: it is not set, or empty.
    """
    value = environment.get(name, "").strip()
    if not value:
        more = f": {hint}" if hint else "; GitHub Actions sets it"
        raise BurdenError(f"{name} is not set{more}")
    return value


def client(environment: Mapping[str, str]) -> Client:
    """Return the API of the job's repository.

    Raises:
        BurdenError: a variable is missing, or is not what it should be.
    """
    repository = variable(environment, "GITHUB_REPOSITORY")
    if not _REPOSITORY.fullmatch(repository):
        raise BurdenError(f"GITHUB_REPOSITORY is {repository!r}, not owner/name")
    api = environment.get("GITHUB_API_URL", "").strip() or API
    _check(api)
    token = variable(
        environment, "GITHUB_TOKEN", "add `env: GITHUB_TOKEN: ${{ github.token }}` to the step"
    )
    if not _TOKEN.fullmatch(token):
        raise BurdenError("GITHUB_TOKEN is no token: it holds characters that none has")
    return Client(api.rstrip("/"), repository, token)


def own_run(environment: Mapping[str, str]) -> tuple[int, str]:
    """Return the number of the run that this job belongs to, and the address of its page.

    Raises:
        BurdenError: a variable is missing, or is not what it should be.
    """
    number = variable(environment, "GITHUB_RUN_ID")
    if not number.isdecimal():
        raise BurdenError(f"GITHUB_RUN_ID is {number!r}, not a number")
    server = environment.get("GITHUB_SERVER_URL", "").strip() or "https://github.com"
    repository = variable(environment, "GITHUB_REPOSITORY")
    return int(number), f"{server}/{repository}/actions/runs/{number}"


def _check(api: str) -> None:
    """Check that the token would not go out in the clear."""
    try:
        parts = urllib.parse.urlsplit(api)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    local = host in _LOCAL and parts.scheme == "http"
    if not host or port == 0 or not (parts.scheme == "https" or local) or parts.query:
        raise BurdenError(f"GITHUB_API_URL is {api!r}, not an address such as {API}")
