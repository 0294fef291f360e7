"""Who may do what: users, the organisations they write for, and their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["none", "read", "write"]


@dataclass(frozen=True, slots=True)
class User:
    """One user.

    Attributes:
        name: also the namespace of the user's own repositories.
        organisations: name of an organisation → what the user may do there.
    """

    name: str
    organisations: dict[str, Role] = field(default_factory=dict)

    def role_in(self, namespace: str) -> Role:
        return "write" if namespace == self.name else self.organisations.get(namespace, "none")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sent a request: a user, through a token that may allow less than the user has. Nobody without a token."""

    user: User | None = None
    role: Role = "none"

    @property
    def anonymous(self) -> bool:
        return self.user is None

    @property
    def name(self) -> str:
        return self.user.name if self.user else "anonymous"

    def role_in(self, namespace: str) -> Role:
        """The smaller of what the user and the token may do in a namespace."""
        if self.user is None:
            return "none"
        order: tuple[Role, ...] = ("none", "read", "write")
        return min(self.user.role_in(namespace), self.role, key=order.index)


class Accounts:
    """Users by name and viewers by token."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self._viewers: dict[str, Viewer] = {}

    def add(self, name: str, token: str, role: Role = "write", organisations: dict[str, Role] | None = None) -> User:
        """A user (or one more token of a known user, whose organisations are kept unless new ones are given)."""
        if name not in self.users or organisations is not None:
            self.users[name] = User(name, dict(organisations or {}))
        self._viewers[token] = Viewer(self.users[name], role)
        return self.users[name]

    def revoke(self, token: str) -> None:
        del self._viewers[token]

    def viewer(self, token: str | None) -> Viewer | None:
        """Who a token stands for; None for a token that nobody has."""
        return Viewer() if token is None else self._viewers.get(token)
