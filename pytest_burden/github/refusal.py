"""What it means when GitHub does not do what it was asked: when to ask again, and what to tell.

The rules are those of "Rate limits for the REST API" in GitHub's documentation.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json

from pytest_burden.github.fields import find
from pytest_burden.github.log import line
from pytest_burden.github.transport import Answer, Request

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 403, 404, 429
_A_MINUTE, _A_DAY = 60.0, 86_400.0
_WHAT = {
    _UNAUTHORIZED: "GitHub does not accept the token",
    _FORBIDDEN: "GitHub does not allow it",
    _NOT_FOUND: "GitHub finds nothing there, or does not show it",
}
_WHOSE = "GITHUB_TOKEN must be that of the job, ${{ github.token }}"


def wait(request: Request, answer: Answer, number: int, now: float) -> float | None:
    """Return after how many seconds another try may do better, None if it will not.

    Args:
        request: what was asked.
        answer: what came back.
        number: of tries before this one.
        now: seconds since the epoch.
    """
    if _limited(answer):
        return _until_reset(answer, now)
    if request.repeatable and answer.broken:
        after = answer.header("Retry-After")
        return float(after) if after.isdecimal() else float(2**number)
    return None


def why(answer: Answer, permission: str, now: float) -> str:
    """Return why GitHub did not do it, and what would help.

    Args:
        answer: of a status that is no success.
        permission: what the request takes, ``actions: read``.
        now: seconds since the epoch.
    """
    said = f"{answer.status}, {_said(answer)}"
    if _limited(answer):
        seconds = now + min(_until_reset(answer, now), _A_DAY)
        then = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
        return f"GitHub limits how much is asked ({said}): try again after {then:%F %T} UTC"
    what = _WHAT.get(answer.status or 0, "GitHub did not do it")
    if answer.status == _UNAUTHORIZED:
        return f"{what} ({said}): {_WHOSE}"
    if answer.status in _WHAT:
        return f"{what} ({said}); the job needs `permissions:` with `{permission}`"
    return f"{what} ({said})"


def _limited(answer: Answer) -> bool:
    """Return whether too much was asked of GitHub, which it says in several ways."""
    if answer.status == _TOO_MANY:
        return True
    return answer.status == _FORBIDDEN and (
        answer.header("Retry-After") != ""
        or answer.header("X-RateLimit-Remaining") == "0"
        or "rate limit" in _said(answer).lower()
    )


def _until_reset(answer: Answer, now: float) -> float:
    """Return the seconds that GitHub asks to wait; a minute where it names none."""
    after, reset = answer.header("Retry-After"), answer.header("X-RateLimit-Reset")
    if after.isdecimal():
        return float(after)
    if answer.header("X-RateLimit-Remaining") == "0" and reset.isdecimal():
        return max(float(reset) - now, 1.0)
    return _A_MINUTE


def _said(answer: Answer) -> str:
    """Return in one line what GitHub says of a request that it refuses."""
    try:
        data = json.loads(answer.content)
    except (ValueError, RecursionError):
        return http.client.responses.get(answer.status or 0, "no reason given")
    message, errors = find(data, "message"), find(data, "errors")
    more = [find(each, "message") for each in errors] if isinstance(errors, list) else []
    return line(": ".join(str(each) for each in (message, *more) if each)) or "no reason given"
