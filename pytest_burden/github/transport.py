"""One request over HTTP, and its answer, or why there is none. Redirects are not followed."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import NamedTuple

from pytest_burden import __version__
from pytest_burden.github.log import line

LARGEST_ANSWER = 64 * 2**20
"""Bytes of one answer in JSON: a page of a hundred comments can have 26 million."""

_LARGEST_REFUSAL = 2**20


class Request(NamedTuple):
    """What is asked of a server."""

    method: str
    url: str
    body: object = None
    """Sent as JSON; None for nothing."""
    most: int = LARGEST_ANSWER
    """Bytes of the answer; one more is read, to tell."""

    @property
    def repeatable(self) -> bool:
        """Whether it does no harm to ask twice."""
        return self.method != "POST"


class Answer(NamedTuple):
    """What came back; ``status`` is None if nothing whole did."""

    status: int | None
    headers: Message
    content: bytes
    trouble: str = ""
    """Why there is no answer, in one line."""

    def header(self, name: str) -> str:
        """Return a header, whatever its upper and lower case; empty without."""
        return self.headers.get(name, "")

    @property
    def broken(self) -> bool:
        """Whether there is no telling what became of the request."""
        return self.status is None or self.status >= http.client.INTERNAL_SERVER_ERROR


def send(request: Request, headers: Mapping[str, str], timeout: float) -> Answer:
    """Send a request once; ``timeout`` is in seconds without a byte."""
    sent = urllib.request.Request(  # noqa: S310 the caller has looked at the scheme
        request.url,
        data=None if request.body is None else json.dumps(request.body).encode(),
        method=request.method,
        headers={"User-Agent": f"pytest-burden/{__version__}", **headers},
    )
    if request.body is not None:
        sent.add_header("Content-Type", "application/json")
    try:
        try:
            with _OPENER.open(sent, timeout=timeout) as response:
                return _whole(response, response.read(request.most + 1), request.most)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read(_LARGEST_REFUSAL))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return _nothing(str(reason) or type(error).__name__)


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of HTTP alone, and follows none: the token would go along."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


_OPENER = _opener()


def _whole(response: http.client.HTTPResponse, content: bytes, most: int) -> Answer:
    """Return an answer; http.client says nothing of one that was cut short."""
    told = response.headers.get("Content-Length", "")
    if told.isdecimal() and len(content) < min(int(told), most + 1):
        return _nothing("it was cut short")
    return Answer(response.status, response.headers, content)


def _nothing(trouble: str) -> Answer:
    return Answer(None, Message(), b"", line(trouble))
