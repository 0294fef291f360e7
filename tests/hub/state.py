"""Everything one Hub knows, and one call to it: who asks, what for, and whether that is allowed."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.hub.accounts import Accounts, Viewer
from tests.hub.cas import Cas
from tests.hub.repositories import PULLS, Repositories, Repository
from tests.hub.storage import Storage
from tests.hub.wire import HubError, Reply, Request


@dataclass(slots=True)
class Limits:
    """Sizes a test may lower to see what happens beyond them.

    Attributes:
        page: entries of one page of a listing.
        part: bytes of an LFS object from which on it goes up in parts of this size.
    """

    page: int = 1000
    part: int = 16 * 1024 * 1024


@dataclass(slots=True)
class State:
    """The state of one Hub. ``lock`` is held while a call is answered: calls happen one after the other.

    Attributes:
        url: of the Hub itself.
        storage_url: of the object storage, another origin.
        store_url: of the store behind Xet, a third one.
        xet: whether the Hub offers Xet.
    """

    url: str
    storage_url: str
    store_url: str
    xet: bool = True
    accounts: Accounts = field(default_factory=Accounts)
    repositories: Repositories = field(default_factory=Repositories)
    storage: Storage = field(default_factory=Storage)
    cas: Cas = field(default_factory=Cas)
    limits: Limits = field(default_factory=Limits)
    lock: threading.RLock = field(default_factory=threading.RLock)

    secret: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def cas_url(self) -> str:
        """What hf-xet is told. It remembers, by this URL, what it has uploaded: no two Hubs may share one."""
        return f"{self.store_url}/{self.secret}"

    def sign(self, path: str, server: str | None = None) -> str:
        """A URL (of the object storage unless said otherwise) that needs no token: the signature is the permission."""
        return f"{server or self.storage_url}{quote(path)}?signature={self.signature(path)}"

    def signature(self, path: str) -> str:
        return hmac.digest(self.secret.encode(), path.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Call:
    """One request that matched a route.

    Attributes:
        parameters: what stood in the places of the route, percent-decoded.
    """

    state: State
    request: Request
    viewer: Viewer
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]

    def readable(self) -> Repository:
        """The repository of the call, if the viewer may know of it.

        Like the Hub: who has no token hears 401 of what is private and of what isn't there; who has one, 404.
        """
        repository = self.state.repositories.get(self["repo"])
        if repository is not None and (not repository.private or self.viewer.role_in(repository.namespace) != "none"):
            return repository
        if self.viewer.anonymous:
            raise HubError(401, "Invalid username or password.", "RepoNotFound")
        raise HubError(404, "Repository not found", "RepoNotFound")

    def open_repository(self) -> Repository:
        """The repository of the call, if the viewer may read its files: those of a gated one need a grant."""
        repository = self.readable()
        member = self.viewer.role_in(repository.namespace) != "none"
        if not repository.gated or member or (self.viewer.role != "none" and self.viewer.name in repository.granted):
            return repository
        restricted = f"Access to model {repository.id} is restricted"
        if self.viewer.anonymous:
            raise HubError(401, f"{restricted}. You must have access to it and be authenticated.", "GatedRepo")
        raise HubError(403, f"{restricted} and you are not in the authorized list.", "GatedRepo")

    def writable(self) -> Repository:
        """The repository of the call, if the viewer may write to it."""
        repository = self.readable()
        self.require_write(repository.namespace)
        return repository

    def writable_at(self, revision: str) -> Repository:
        """As :meth:`writable`; who opened a pull request may commit on that, too."""
        number = revision.removeprefix(PULLS)
        if revision.startswith(PULLS) and number.isdigit():
            pull = self.proposable().pulls.get(int(number))
            if pull is not None and pull.author == self.viewer.name:
                return self.proposable()
        return self.writable()

    def require_write(self, namespace: str) -> None:
        if self.viewer.anonymous:
            raise HubError(401, "Invalid username or password.")
        if self.viewer.role != "write":
            raise HubError(403, "Forbidden: you must use a write token to upload to a repository.")
        if self.viewer.role_in(namespace) != "write":
            raise HubError(403, f"Forbidden: you don't have the rights to write under the namespace {namespace}.")

    def proposable(self) -> Repository:
        """The repository of the call, if the viewer may open a pull request: a reader with a write token may."""
        repository = self.open_repository()
        if self.viewer.anonymous:
            raise HubError(401, "Invalid username or password.")
        if self.viewer.role != "write":
            raise HubError(403, "Forbidden: you must use a write token to open a pull request.")
        return repository

    def require_signature(self) -> None:
        """Refuse a URL that wasn't signed, and a token beside the signature, as S3 does."""
        if self.request.option("signature") != self.state.signature(self.request.path):
            raise HubError(403, "The request signature we calculated does not match the signature you provided.")
        if self.request.headers.get("Authorization"):
            raise HubError(400, "Only one auth mechanism allowed.")


Handler = Callable[[Call], Reply]
