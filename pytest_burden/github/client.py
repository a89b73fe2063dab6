"""GitHub's REST API, as far as it is needed: JSON in and out, pages, downloads, tries again.

The token goes to the API's own host and to no other.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_burden.errors import BurdenError
from pytest_burden.github.fields import find
from pytest_burden.github.refusal import wait, why
from pytest_burden.github.transport import LARGEST_ANSWER, Answer, Request, send

PER_PAGE = 100
MOST_PAGES = 100
PATIENCE = 60.0
"""Seconds that are waited for a limit of GitHub's; beyond it is said when to try again."""

_TRIES = 3
_REDIRECTS = 3
_REDIRECT = (301, 302, 303, 307, 308)
_ABSENT = (404, 410)
_NEXT = re.compile(r'<([^<>]*)>[^,<]*;\s*rel="?next"?')


class Purpose(NamedTuple):
    """What a request is for, so that a refusal can say what was not possible and what it takes."""

    doing: str
    """``list the comments of pull request 7``."""
    permission: str
    """The line that belongs under the job's ``permissions:``, ``pull-requests: write``."""


class ApiError(BurdenError):
    """GitHub did not do what it was asked; ``status`` is that of HTTP, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def absent(self) -> bool:
        """Whether there is no such thing."""
        return self.status in _ABSENT


class UnsureError(ApiError):
    """A request that must not be repeated may have been carried out, or not."""


@dataclass(frozen=True, slots=True)
class Client:
    """One repository's API. ``api`` is ``https://api.github.com`` or that of another server."""

    api: str
    repository: str
    """``owner/name``."""
    token: str = field(repr=False)
    timeout: float = 30.0
    """Seconds without a byte."""
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def pages(self, path: str, purpose: Purpose, key: str = "", **query: str) -> Iterator[Any]:
        """Yield the entries of a list, page by page, each asked for when it is needed.

        Args:
            path: below the repository, ``issues/7/comments``.
            purpose: of the request.
            key: where the list stands in the answer; empty if the answer is one.
            query: of the address.

        Raises:
            ApiError: a page cannot be had: what was yielded is not all.
        """
        pairs = urllib.parse.urlencode({**query, "per_page": str(PER_PAGE)})
        url = f"{self._url(path)}?{pairs}"
        for _ in range(MOST_PAGES):
            answer = self._done(Request("GET", url), purpose)
            data = _json(answer, purpose)
            entries = find(data, key) if key else data
            if not isinstance(entries, list):
                raise ApiError(f"cannot {purpose.doing}: GitHub's answer holds no list")
            yield from entries
            match = _NEXT.search(answer.header("Link"))
            if not match:
                return
            url = match[1]
            if not self._own(url):
                raise ApiError(f"cannot {purpose.doing}: the next page is on another host")
        raise ApiError(f"cannot {purpose.doing}: there are more than {MOST_PAGES} pages")

    def post(self, path: str, purpose: Purpose, body: object) -> Any:
        """Create something, and return it.

        Raises:
            UnsureError: it may have been created.
            ApiError: it was not.
        """
        return _json(self._done(Request("POST", self._url(path), body), purpose), purpose)

    def patch(self, path: str, purpose: Purpose, body: object) -> None:
        """Change something.

        Raises:
            ApiError: it was not changed.
        """
        self._done(Request("PATCH", self._url(path), body), purpose)

    def delete(self, path: str, purpose: Purpose) -> None:
        """Delete something.

        Raises:
            ApiError: it was not deleted.
        """
        self._done(Request("DELETE", self._url(path)), purpose)

    def download(self, path: str, purpose: Purpose, most: int) -> bytes:
        """Return a file, cut off one byte after ``most``; the address may lead to another host.

        Raises:
            ApiError: it cannot be had.
        """
        request = Request("GET", self._url(path), most=most)
        return self._done(request, purpose, elsewhere=True).content

    def _url(self, path: str) -> str:
        return f"{self.api}/repos/{self.repository}/{path}"

    def _own(self, url: str) -> bool:
        return _origin(url) == _origin(self.api)

    def _done(self, request: Request, purpose: Purpose, *, elsewhere: bool = False) -> Answer:
        """Return the answer to a request that was carried out.

        Raises:
            ApiError: it was not.
        """
        for _ in range(_REDIRECTS):
            answer = self._tried(request)
            if request.method != "GET" or answer.status not in _REDIRECT:
                break
            url = _joined(request.url, answer.header("Location"))
            # Elsewhere too it must not be in the clear, and no file of this machine.
            if not self._own(url) and not (elsewhere and _origin(url)[0] == _origin(self.api)[0]):
                raise ApiError(f"cannot {purpose.doing}: GitHub points to an address of no use")
            request = request._replace(url=url)
        if answer.status is None or not 200 <= answer.status < 300:  # noqa: PLR2004 success
            raise self._refusal(request, answer, purpose)
        return answer

    def _tried(self, request: Request) -> Answer:
        """Return the last of up to three answers, asked for again where that may help."""
        for number in range(_TRIES):
            answer = send(request, self._headers(request.url), self.timeout)
            seconds = wait(request, answer, number, self.now())
            if seconds is None or seconds > PATIENCE or number == _TRIES - 1:
                break
            self.sleep(seconds)
        return answer

    def _headers(self, url: str) -> dict[str, str]:
        if not self._own(url):
            return {}
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def _refusal(self, request: Request, answer: Answer, purpose: Purpose) -> ApiError:
        host = urllib.parse.urlsplit(request.url).netloc
        if answer.status is None:
            reason = f"no answer from {host}: {answer.trouble}"
        elif not self._own(request.url):
            reason = f"{host} answered {answer.status}"
        else:
            reason = why(answer, purpose.permission, self.now())
        unsure = answer.broken and not request.repeatable
        return (UnsureError if unsure else ApiError)(
            f"cannot {purpose.doing}: {reason}", answer.status
        )


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host of an address; nothing of one that is none."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _joined(url: str, location: str) -> str:
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError:
        return ""


def _json(answer: Answer, purpose: Purpose) -> Any:
    if len(answer.content) > LARGEST_ANSWER:
        raise ApiError(f"cannot {purpose.doing}: GitHub answered more than can be read")
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise ApiError(f"cannot {purpose.doing}: what GitHub answered is not JSON") from error
