"""Exactly one comment of ours on a pull request, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_burden.github.client import ApiError, Client, Purpose, UnsureError
from pytest_burden.github.fields import find, pick

_ROUNDS = 3
_PAUSE = 2.0
_PERMISSION = "pull-requests: write"
_SOURCE = "GitHub's list of comments"


@dataclass(frozen=True, slots=True)
class Sticky:
    """The comments of one pull request that are ours: by this author, after this marker."""

    client: Client
    number: int
    """Of the pull request."""
    marker: str
    author: str

    def keep(self, body: str) -> str:
        """Make ``body``, which begins with the marker, the one comment of ours.

        Nothing is created before all comments were seen; when it is unsure whether one was
        created, they are looked at again.

        Returns:
            What was done: ``created``, ``updated`` or ``unchanged``.

        Raises:
            ApiError: it could not be done, all of the listing could not be had, or the token
                writes as somebody else.
        """
        created: int | None = None
        unsure: UnsureError | None = None
        for _ in range(_ROUNDS):
            ours = dict(self._ours())
            if created is not None:
                ours.setdefault(created, body)  # a list may lag behind
            if not ours:
                try:
                    created = self._create(body)
                except UnsureError as error:
                    unsure = error
                    self.client.sleep(_PAUSE)
                continue
            first, *others = sorted(ours)
            same = _plain(ours[first]) == _plain(body)
            if not same and not self._update(first, body):
                created = None  # deleted meanwhile
                continue
            for other in others:
                self._delete(other)
            if first == created or (unsure and same):
                return "created"
            return "unchanged" if same else "updated"
        if created is not None:
            return "created"
        raise unsure or ApiError(
            f"the comment on pull request {self.number} does not stay: it was deleted each time"
        )

    def has_one(self) -> bool:
        """Return whether there is a comment of ours.

        Raises:
            ApiError: all of the listing could not be had.
        """
        return bool(self._ours())

    def _ours(self) -> Mapping[int, str]:
        """Return the numbers and texts of our comments, after all were seen."""
        return {
            pick(comment, "id", int, _SOURCE): pick(comment, "body", str, _SOURCE)
            for comment in self.client.pages(
                f"issues/{self.number}/comments", self._purpose("list the comments")
            )
            if self._is_ours(comment)
        }

    def _is_ours(self, comment: object) -> bool:
        login, body = find(comment, "user.login"), find(comment, "body")
        return (
            isinstance(login, str)
            and isinstance(body, str)
            and login.casefold() == self.author.casefold()
            and body.partition("\n")[0].strip() == self.marker
        )

    def _create(self, body: str) -> int:
        purpose = self._purpose("write a comment")
        data = self.client.post(f"issues/{self.number}/comments", purpose, {"body": body})
        made = pick(data, "id", int, "GitHub's answer to a new comment")
        login = find(data, "user.login")
        if isinstance(login, str) and login.casefold() != self.author.casefold():
            # It would not be known again, and each push would write another one.
            self._delete(made)
            raise ApiError(f"the token writes as {login}, not as {self.author}: --author {login}")
        return made

    def _update(self, comment: int, body: str) -> bool:
        """Change a comment, and return whether it was still there."""
        try:
            self.client.patch(
                f"issues/comments/{comment}", self._purpose("change a comment"), {"body": body}
            )
        except ApiError as error:
            if error.absent:
                return False
            raise
        return True

    def _delete(self, comment: int) -> None:
        try:
            self.client.delete(
                f"issues/comments/{comment}", self._purpose("delete a second comment")
            )
        except ApiError as error:
            if not error.absent:
                raise

    def _purpose(self, doing: str) -> Purpose:
        return Purpose(f"{doing} of pull request {self.number}", _PERMISSION)


def _plain(body: str) -> str:
    """Return a text as GitHub may give it back: other line breaks, no space around it."""
    return body.replace("\r\n", "\n").strip()
