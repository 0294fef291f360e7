"""Whether a generation of the index was made here: its rows are believed, and so it must be no stranger's.

What a generation holds can't be told from the objects without reading all of them. So whoever makes one seals it: with
a key of the user's own, which no store brings along, over what a copy of the file doesn't have in common with it. An
index that came along with a store, or was changed in place, has another seal, and is made anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_dir

from wisedb.canonical import canonical_json

_LENGTH: Final = 32


def seal(path: Path) -> str:
    """What says that a file was made here, by this user, and not touched since; empty where no key can be kept."""
    key = _key()
    if key is None:
        return ""
    found = path.stat()
    told = [path.name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
    return hmac.new(key, canonical_json(told), hashlib.sha256).hexdigest()


def is_ours(path: Path, sealed: str) -> bool:
    """Whether a file is as it was when it was sealed here.

    One of another user is taken as it is: whoever uses that user's store trusts it (:mod:`wisedb.store.owner`). Where
    no key can be kept, nothing can be told, and an index that was made anew would be as unknown as this one.
    """
    try:
        if path.stat().st_uid != os.geteuid():
            return True
        return _key() is None or hmac.compare_digest(seal(path).encode(), sealed.encode())
    except OSError:
        return False


def _key() -> bytes | None:
    place = Path(user_cache_dir("wisedb", appauthor=False)) / "index-key"
    with suppress(OSError):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_LENGTH))
        found = place.read_bytes()
        if len(found) == _LENGTH:
            return found
        place.unlink()  # a dead process left a part of one: the next call makes another
    return None
