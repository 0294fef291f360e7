"""From an address to the remote at it."""

from __future__ import annotations

from wisedb.sharing.remotes.protocol import Remote
from wisedb.sharing.url import Address, parse_address
from wisedb.store.places import FOLDER, is_store


def open_remote(url: str | Address, *, token: str | None = None, endpoint: str | None = None) -> Remote:
    """The remote at an address. Nothing is read yet, and nothing needs to be there.

    Args:
        url: as :func:`wisedb.sharing.url.parse_address` takes it.
        token: the Hub's; by default what ``hf auth login`` or ``HF_TOKEN`` left.
        endpoint: another Hub, or another S3 server, than the usual one.

    Raises:
        UnknownRemote, UsageError: it is no address, or one that holds a password.
    """
    address = parse_address(url) if isinstance(url, str) else url
    # Each brings a library along that the others don't need.
    if address.scheme == "hf":
        from wisedb.sharing.remotes.hub import HubRemote

        return HubRemote(address.url, token=token, endpoint=endpoint)
    if address.scheme == "file":
        if is_store(address.folder) or is_store(address.folder / FOLDER):
            from wisedb.sharing.remotes.store import StoreRemote

            return StoreRemote(address.folder)
        from wisedb.sharing.remotes.folder import FolderRemote

        return FolderRemote(address.folder)
    from wisedb.sharing.remotes.objects import ObjectStoreRemote

    return ObjectStoreRemote(address.url, endpoint=endpoint)
