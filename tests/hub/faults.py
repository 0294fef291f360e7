"""Breaking things on purpose: what goes wrong, and with which request.

    hub.faults.on("POST", "*/commit/*", Answer(503))                       # the first commit from now on, once
    hub.faults.on("POST", "*/commit/*", ActThenAnswer(500))                # … although it happened
    hub.faults.on("GET", "/files/*", CutBody(1000), nth=2, times=3)        # the 2nd, 3rd and 4th download
    hub.faults.on("POST", "*/commit/*", First(lambda: other_push()))       # somebody else is quicker

Paths are matched percent-decoded and without the query, ``*`` stands for anything, slashes too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.hub.wire import Reply, Request, refusal


class Effect:
    """What goes wrong. The default is nothing."""

    def before(self, request: Request) -> Reply | None:
        """Called before the Hub acts; a reply given here stands in for the Hub's, which then doesn't act."""
        return None

    def after(self, request: Request, reply: Reply) -> Reply:
        """Called with what the Hub answers."""
        return reply


@dataclass(frozen=True, slots=True)
class Answer(Effect):
    """Refuse, without acting: ``Answer(429, {"Retry-After": "1"})``."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "A fault on purpose."
    code: str | None = None

    def before(self, request: Request) -> Reply | None:
        reply = refusal(self.status, self.message, self.code)
        reply.headers.update(self.headers)
        return reply


@dataclass(frozen=True, slots=True)
class ActThenAnswer(Effect):
    """Act, then say that it failed: the commit is there, and the client doesn't know."""

    status: int = 500

    def after(self, request: Request, reply: Reply) -> Reply:
        return refusal(self.status, "A fault on purpose, after the deed.")


@dataclass(frozen=True, slots=True)
class HangUp(Effect):
    """Close the connection without an answer: before anything happened, or after it ``acted``."""

    acted: bool = False

    def before(self, request: Request) -> Reply | None:
        return None if self.acted else Reply(silent=True)

    def after(self, request: Request, reply: Reply) -> Reply:
        return Reply(silent=True)


@dataclass(frozen=True, slots=True)
class CutBody(Effect):
    """Announce the whole body of the answer and close the connection after so many bytes of it."""

    after_bytes: int

    def after(self, request: Request, reply: Reply) -> Reply:
        reply.cut_after = self.after_bytes
        return reply


@dataclass(frozen=True, slots=True)
class CutUpload(Effect):
    """Read so many bytes of the request's body, then close the connection."""

    after_bytes: int


@dataclass(frozen=True, slots=True)
class WrongBytes(Effect):
    """Answer with as many bytes as there should be, one in the middle with all bits turned."""

    def after(self, request: Request, reply: Reply) -> Reply:
        middle = len(reply.body) // 2
        turned = bytes(byte ^ 0xFF for byte in reply.body[middle : middle + 1])
        reply.body = reply.body[:middle] + turned + reply.body[middle + 1 :]
        return reply


@dataclass(frozen=True, slots=True)
class Delay(Effect):
    """Wait before acting."""

    seconds: float

    def before(self, request: Request) -> Reply | None:
        time.sleep(self.seconds)
        return None


@dataclass(frozen=True, slots=True)
class First(Effect):
    """Let something else happen first, such as a push of somebody else; the Hub answers its calls meanwhile."""

    action: Callable[[], object]

    def before(self, request: Request) -> Reply | None:
        self.action()
        return None


@dataclass(slots=True)
class Fault:
    """An effect and the requests it strikes.

    Attributes:
        nth: the first request it strikes, counted from 1 among those that match.
        times: how many in a row; None for all that follow.
        seen: how many have matched so far.
        struck: how many were struck: a test can say that its fault did happen.
    """

    method: str
    pattern: str
    effect: Effect
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    struck: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if not (fnmatchcase(method, self.method) and fnmatchcase(path, self.pattern)):
            return False
        self.seen += 1
        hit = self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)
        self.struck += hit
        return hit


class Faults:
    """The faults of a Hub, in the order in which they were set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def on(self, method: str, pattern: str, effect: Effect, *, nth: int = 1, times: int | None = 1) -> Fault:
        fault = Fault(method, pattern, effect, nth, times)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def striking(self, method: str, path: str) -> list[Effect]:
        """The effects for a request that came in now; each fault counts it."""
        with self._lock:
            return [fault.effect for fault in self._faults if fault.strikes(method, path)]
