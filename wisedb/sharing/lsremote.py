"""What a remote has, without fetching any of it."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Remote


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """A branch or a tag of a remote.

    Attributes:
        name: its full name.
        commit: the commit id.
    """

    name: str
    commit: str

    def to_json(self) -> dict[str, str]:
        """``{"name", "commit"}``."""
        return {"name": self.name, "commit": self.commit}


def ls_remote(target: RemoteTarget) -> list[RemoteRef]:
    """All branches and tags, by name; none where nothing was published yet.

    Raises:
        RemoteError, CorruptObject, FormatTooNew: the remote can't be read.
    """
    return _listed(target.remote)


def ls_address(address: str, *, token: str | None = None, endpoint: str | None = None) -> list[RemoteRef]:
    """The same without a store, for an address.

    Raises:
        UnknownRemote, UsageError: it is none.
        RemoteError, CorruptObject, FormatTooNew: the remote can't be read.
    """
    return _listed(open_remote(address, token=token, endpoint=endpoint))


def _listed(remote: Remote) -> list[RemoteRef]:
    return [RemoteRef(name, commit) for name, commit in sorted(remote.refs().items())]
