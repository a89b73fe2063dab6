"""GitHub's REST API on this machine, as far as `burden github` uses it, and a host for artifacts.

Answers, headers and limits are those that GitHub documents or is known to send:
https://docs.github.com/rest (pagination, rate limits, permissions, issue comments, artifacts).
All requests are recorded, so that a test can tell what was sent where.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

REPOSITORY = "octo-org/models"
REPOSITORY_ID = 300029405
FORK_ID = 300077002
TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"  # noqa: S105 made up, of the right form
BOT = "github-actions[bot]"
LONGEST_BODY = 65_536
DOCS = "https://docs.github.com/rest"


class Seen(NamedTuple):
    """A request as it came in."""

    host: str
    """``api`` or ``blob``."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class Reply(NamedTuple):
    """What goes out; ``data`` as JSON, bytes as they are, None for nothing."""

    status: int
    data: Any = None
    headers: Mapping[str, str] = {}


@dataclass
class Fault:
    """What goes wrong once with the next request of a kind."""

    method: str
    path: str
    """A regular expression."""
    reply: Reply | None = None
    """What comes instead; None for a connection that breaks."""
    after: bool = False
    """Whether the request was carried out all the same."""
    does: Callable[[], object] | None = None
    """What happens on GitHub just before; with it alone the request goes on as usual."""
    times: int = 1


def refused(status: int, message: str, **headers: str) -> Reply:
    """Return a refusal in the form of GitHub's, and with its headers (``retry_after="1"``)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return Reply(status, data, named)


@dataclass
class GitHub:
    """What one repository holds, and what was asked of it."""

    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    """Archives by the artifact's number."""
    permissions: set[str] = field(default_factory=lambda: {"actions", "pull-requests"})
    author: str = BOT
    """As whom the token writes."""
    filters: bool = True
    """Whether lists of pull requests and runs hold only what was asked for."""
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    api: str = ""
    blob: str = ""

    def pull(self, number: int, sha: str, **other: Any) -> None:
        """Open a pull request from the fork."""
        owner, ref = other.get("owner", "octocat"), other.get("ref", "patch-1")
        repo = {"id": other.get("repository", FORK_ID), "full_name": f"{owner}/models"}
        self.pulls.append(
            {
                "number": number,
                "state": other.get("state", "open"),
                "head": {
                    "label": f"{owner}:{ref}",
                    "ref": ref,
                    "sha": sha,
                    "user": {"login": owner},
                    "repo": None if other.get("gone") else repo,
                },
                "base": {"ref": "main", "repo": {"id": REPOSITORY_ID, "full_name": REPOSITORY}},
            }
        )

    def say(self, number: int, body: str, author: str = BOT) -> int:
        """Write a comment on a pull request, and return its number."""
        known = max((comment["id"] for comment in self.comments), default=1000)
        kind = "Bot" if author.endswith("[bot]") else "User"
        self.comments.append(
            {
                "id": known + 1,
                "body": body,
                "user": {"login": author, "id": 41898282, "type": kind},
                "issue_url": f"{self.api}/repos/{REPOSITORY}/issues/{number}",
            }
        )
        return known + 1

    def bodies(self, number: int, author: str = BOT) -> list[str]:
        """Return the comments of somebody on a pull request."""
        url = f"{self.api}/repos/{REPOSITORY}/issues/{number}"
        return [
            comment["body"]
            for comment in self.comments
            if comment["issue_url"] == url and comment["user"]["login"] == author
        ]

    def leave(self, run: int, archive: bytes, name: str = "burden", **other: Any) -> int:
        """Upload an artifact of a run, and return its number."""
        number = 5000 + len(self.artifacts)
        self.files[number] = archive
        url = f"{self.api}/repos/{REPOSITORY}/actions/artifacts/{number}"
        self.artifacts.append(
            {
                "id": number,
                "name": name,
                "size_in_bytes": other.get("size", len(archive)),
                "expired": other.get("expired", False),
                "archive_download_url": f"{url}/zip",
                "workflow_run": {"id": run},
            }
        )
        return number

    def ran(self, number: int, **other: Any) -> None:
        """Let a run have ended."""
        self.runs.append(
            {
                "id": number,
                "event": "push",
                "status": "completed",
                "conclusion": "success",
                "head_branch": "main",
                "head_sha": f"{number:040x}",
                "repository": {"id": REPOSITORY_ID},
                "head_repository": {"id": REPOSITORY_ID},
                "path": ".github/workflows/ci.yml",
                **other,
            }
        )

    def sent(self, method: str, path: str = "") -> list[Seen]:
        """Return the requests of a kind."""
        return [each for each in self.seen if each.method == method and re.search(path, each.path)]


Routes = tuple[tuple[str, str, str, Callable[..., Reply]], ...]


def _artifacts(github: GitHub, seen: Seen, run: str) -> Reply:
    found = [each for each in github.artifacts if each["workflow_run"]["id"] == int(run)]
    return _page(github, seen, found, "artifacts")


def _archive(github: GitHub, _: Seen, number: str) -> Reply:
    found = [each for each in github.artifacts if each["id"] == int(number)]
    if not found:
        return refused(404, "Not Found")
    if found[0]["expired"]:
        return refused(410, "Artifact has expired")
    return Reply(302, None, {"Location": f"{github.blob}/results/{number}?sig=abc&se=1"})


def _runs(github: GitHub, seen: Seen, workflow: str) -> Reply:
    path = f".github/workflows/{urllib.parse.unquote(workflow)}"
    if all(run["path"] != path for run in github.runs):
        return refused(404, "Not Found")
    wanted = {"head_branch": "branch", "event": "event", "status": "status"}
    found = [run for run in github.runs if run["path"] == path]
    if github.filters:
        for key, name in wanted.items():
            found = [run for run in found if run[key] == seen.query.get(name, run[key])]
    return _page(github, seen, sorted(found, key=lambda run: -run["id"]), "workflow_runs")


def _pulls(github: GitHub, seen: Seen) -> Reply:
    state, head = seen.query.get("state", "open"), seen.query.get("head", "")
    found = github.pulls
    if github.filters:
        found = [each for each in found if state in (each["state"], "all")]
    if github.filters and ":" in head:
        found = [each for each in found if each["head"]["label"] == head]
    return _page(github, seen, found)


def _comments(github: GitHub, seen: Seen, number: str) -> Reply:
    url = f"{github.api}/repos/{REPOSITORY}/issues/{number}"
    return _page(github, seen, [each for each in github.comments if each["issue_url"] == url])


def _create(github: GitHub, seen: Seen, number: str) -> Reply:
    if problem := _too_long(seen.body):
        return problem
    made = github.say(int(number), seen.body["body"], github.author)
    return Reply(201, next(each for each in github.comments if each["id"] == made))


def _change(github: GitHub, seen: Seen, number: str) -> Reply:
    if problem := _too_long(seen.body):
        return problem
    for comment in github.comments:
        if comment["id"] == int(number):
            comment["body"] = seen.body["body"]
            return Reply(200, comment)
    return refused(404, "Not Found")


def _delete(github: GitHub, _: Seen, number: str) -> Reply:
    left = [each for each in github.comments if each["id"] != int(number)]
    if len(left) == len(github.comments):
        return refused(404, "Not Found")
    github.comments[:] = left
    return Reply(204)


def _too_long(body: Any) -> Reply | None:
    if len(body["body"]) <= LONGEST_BODY:
        return None
    error = {
        "resource": "IssueComment",
        "code": "unprocessable",
        "field": "data",
        "message": f"Body is too long (maximum is {LONGEST_BODY} characters)",
    }
    data = {"message": "Validation Failed", "errors": [error], "documentation_url": DOCS}
    return Reply(422, data)


ROUTES: Routes = (
    ("GET", r"/actions/runs/(\d+)/artifacts", "actions", _artifacts),
    ("GET", r"/actions/artifacts/(\d+)/zip", "actions", _archive),
    ("GET", r"/actions/workflows/([^/]+)/runs", "actions", _runs),
    ("GET", r"/pulls", "pull-requests", _pulls),
    ("GET", r"/issues/(\d+)/comments", "pull-requests", _comments),
    ("POST", r"/issues/(\d+)/comments", "pull-requests", _create),
    ("PATCH", r"/issues/comments/(\d+)", "pull-requests", _change),
    ("DELETE", r"/issues/comments/(\d+)", "pull-requests", _delete),
)


def _page(github: GitHub, seen: Seen, found: list[Any], key: str = "") -> Reply:
    """Return one page; GitHub's links to others have the repository's number, not its name."""
    each = min(int(seen.query.get("per_page", "30")), 100)
    page = int(seen.query.get("page", "1"))
    shown, last = found[(page - 1) * each : page * each], -(-len(found) // each)
    path = re.sub(
        r"^/(repos/[^/]+/[^/]+|repositories/\d+)", f"/repositories/{REPOSITORY_ID}", seen.path
    )
    links = [
        f'<{github.api}{path}?{urllib.parse.urlencode({**seen.query, "page": to})}>; rel="{name}"'
        for name, to in (("prev", page - 1), ("next", page + 1), ("last", last))
        if 0 < to <= last and to != page
    ]
    headers = {"Link": ", ".join(links)} if links else {}
    return Reply(200, {"total_count": len(found), key: shown} if key else shown, headers)


def answer(github: GitHub, seen: Seen) -> Reply:
    """Return what GitHub answers when nothing goes wrong."""
    if seen.headers.get("authorization") != f"Bearer {TOKEN}":
        return refused(401, "Bad credentials")
    below = re.sub(rf"^/(repos/{REPOSITORY}|repositories/{REPOSITORY_ID})(?=/)", "", seen.path)
    for method, pattern, permission, does in ROUTES:
        match = re.fullmatch(pattern, below)
        if match and method == seen.method:
            if permission not in github.permissions:
                return refused(403, "Resource not accessible by integration")
            return does(github, seen, *match.groups())
    return refused(404, "Not Found")


def blob(github: GitHub, seen: Seen) -> Reply:
    """Return what the host for artifacts answers: a signed address and a token are one too many."""
    if "authorization" in seen.headers:
        return Reply(403, b"AuthenticationFailed")
    return Reply(200, github.files[int(seen.path.rpartition("/")[2])])


@contextlib.contextmanager
def running() -> Iterator[GitHub]:
    """Serve an empty repository while the block runs."""
    github = GitHub()
    servers = [_server(github, "api", answer), _server(github, "blob", blob)]
    github.api, github.blob = (f"http://127.0.0.1:{each.server_port}" for each in servers)
    try:
        yield github
    finally:
        for each in servers:
            each.shutdown()
            each.server_close()


def _server(
    github: GitHub, host: str, does: Callable[[GitHub, Seen], Reply]
) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length", "0"))
            seen = Seen(
                host,
                self.command,
                parts.path,
                dict(urllib.parse.parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(self.rfile.read(length)) if length else None,
            )
            github.seen.append(seen)
            fault = _fault(github, seen)
            if fault and fault.does:
                fault.does()
            if fault and (fault.reply or not fault.does):
                if fault.after:
                    does(github, seen)
                self.reply(fault.reply)
            else:
                self.reply(does(github, seen))

        def reply(self, reply: Reply | None) -> None:
            if reply is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            known = isinstance(reply.data, bytes)
            content = reply.data if known else json.dumps(reply.data).encode()
            content = b"" if reply.data is None else content
            headers = {"Content-Length": str(len(content)), **reply.headers}
            if delay := headers.pop("Delay", ""):
                time.sleep(float(delay))
            self.send_response(reply.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # no longer wanted
                self.wfile.write(content)

        # http.server calls a method of this name for each kind of request.
        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def _fault(github: GitHub, seen: Seen) -> Fault | None:
    for fault in github.faults:
        if fault.method == seen.method and re.search(fault.path, seen.path):
            fault.times -= 1
            if not fault.times:
                github.faults.remove(fault)
            return fault
    return None
