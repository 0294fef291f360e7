"""A Hugging Face Hub over HTTP on loopback that the real ``huggingface_hub`` client talks to.

    with Hub() as hub:
        hub.add_user("ada", token="hf_ada", organisations={"org": "write"})
        api = HfApi(endpoint=hub.url, token="hf_ada")
        api.create_repo("org/facts")
        …
        subprocess.run([…], env=os.environ | hub.environment(tmp_path / "home", token="hf_ada"))

It keeps models only (no datasets, no spaces), everything in memory. What it answers is modelled on what the Hub
answers: statuses, error codes and headers, redirects to a storage with signed URLs on another origin, LFS in one or
more parts. ``hub.faults`` breaks things, ``hub.traffic`` says what travelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.hub.accounts import Role, User
from tests.hub.faults import Faults
from tests.hub.gitattributes import DEFAULT_ATTRIBUTES, goes_to_lfs
from tests.hub.listener import Listener
from tests.hub.repositories import HEADS, File, Repository, regular
from tests.hub.routes import HUB, STORAGE, STORE
from tests.hub.state import Limits, State
from tests.hub.storage import sha256
from tests.hub.traffic import Traffic


class Hub:
    """One Hub with its object storage and its Xet store, on three free ports, from ``with`` to the end of the block."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.traffic = Traffic()
        self._front = Listener(self.faults, self.traffic)
        self._storage = Listener(self.faults, self.traffic)
        self._store = Listener(self.faults, self.traffic)
        self.state = State(self._front.url, self._storage.url, self._store.url)

    def __enter__(self) -> Hub:
        self._front.start(self.state, HUB)
        self._storage.start(self.state, STORAGE, accounts=False)
        self._store.start(self.state, STORE, accounts=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for listener in (self._front, self._storage, self._store):
            listener.stop()

    @property
    def url(self) -> str:
        """What ``HF_ENDPOINT`` has to be."""
        return self.state.url

    @property
    def limits(self) -> Limits:
        return self.state.limits

    def add_user(
        self, name: str, token: str, role: Role = "write", organisations: Mapping[str, Role] | None = None
    ) -> User:
        """A user with a token, or one more token for a known user.

        ``role`` is what the token allows; ``organisations`` says what the user may do in which namespace, next to
        everything in the own one.
        """
        return self.state.accounts.add(name, token, role, dict(organisations) if organisations is not None else None)

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path] | Path | None = None,
        *,
        private: bool = False,
        gated: bool = False,
        granted: tuple[str, ...] = (),
    ) -> Repository:
        """A repository, with files (path → content, or a folder) in a second commit on main, made without any client.

        What the Hub wants in LFS becomes an LFS file. ``granted`` names who may read a gated one.
        """
        author = repo_id.partition("/")[0]
        with self.state.lock:
            repository = self.state.repositories.create(repo_id, author, private=private, gated=gated)
            repository.granted.update(granted)
        if files is not None:
            self.push(repo_id, files)
        return repository

    def push(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path] | Path,
        *,
        branch: str = "main",
        title: str = "Upload",
        author: str = "somebody",
    ) -> str:
        """Another writer's commit, straight into the state; gives its id."""
        if isinstance(files, Path):
            folder = files
            files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
        contents = {path: from_ if isinstance(from_, bytes) else from_.read_bytes() for path, from_ in files.items()}
        with self.state.lock:
            repository = self.state.repositories[repo_id]
            head = repository.find(branch)
            added = {path: self._file(repository, path, content) for path, content in contents.items()}
            commit = repository.commit({**head.tree, **added}, head.oid, author, title)
            repository.refs[HEADS + branch] = commit.oid
        return commit.oid

    def _file(self, repository: Repository, path: str, content: bytes) -> File:
        if not content or not goes_to_lfs(path, len(content), content[:512], DEFAULT_ATTRIBUTES):
            return regular(content)
        oid = sha256(content)
        self.state.storage.put(oid, content)
        repository.objects.add(oid)
        return File(len(content), None, oid)

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Path → content at a revision, looked up in the state."""
        with self.state.lock:
            tree = self.state.repositories[repo_id].find(revision).tree
            return {
                path: self.state.storage.objects[file.sha256] if file.sha256 else file.git_blob
                for path, file in tree.items()
            }

    def refs(self, repo_id: str) -> dict[str, str]:
        """Every ref → commit id."""
        with self.state.lock:
            return dict(self.state.repositories[repo_id].refs)

    def environment(self, home: Path, token: str | None = None, *, xet: bool = False) -> dict[str, str]:
        """What a subprocess needs in its environment to talk to this Hub, with ``home`` as a fresh ``HF_HOME``."""
        found = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0" if token else "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": token or "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        return found | ({"HF_HUB_DISABLE_XET": "0"} if xet else {"HF_HUB_DISABLE_XET": "1"})
