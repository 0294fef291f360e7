"""Keys that tests sign with, made for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")


def ssh_key(folder: Path, name: str = "key") -> Path:
    """A new Ed25519 key without a passphrase; its public half beside it."""
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)], check=True)
    return file


def allowed(folder: Path, *lines: tuple[str, Path], options: str = "") -> Path:
    """A file of allowed signers: who, and the private key's file."""
    file = folder / "allowed_signers"
    told = [f"{who} {options}{key.with_name(f'{key.name}.pub').read_text().strip()}\n" for who, key in lines]
    file.write_text("".join(told))
    return file


@contextmanager
def gpg_home(*users: str) -> Iterator[Path]:
    """A folder of keys of gpg's, with one for each user; its agent ends with it."""
    # Not pytest's own folder: a socket's path may have about a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="wg"))
    environment = {**os.environ, "GNUPGHOME": str(folder)}
    try:
        for user in users:
            words = [
                "gpg",
                "--batch",
                "--quiet",
                "--passphrase",
                "",
                "--quick-gen-key",
                user,
                "ed25519",
                "sign",
                "never",
            ]
            subprocess.run(words, check=True, capture_output=True, env=environment)
        yield folder
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True, env=environment)
        shutil.rmtree(folder, ignore_errors=True)
