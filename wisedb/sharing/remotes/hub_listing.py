"""The Hub's own refs of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from wisedb.sharing.remotes.hub_errors import HubRepository, hub_errors

DEFAULT: Final = "main"
"""The Hub's default branch: every repository has it, and none can be without."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The Hub's own refs of a repository.

    Attributes:
        branches: branch name → Hub commit.
        tags: tag name → Hub commit.
    """

    branches: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def listing(api: HfApi, repository: HubRepository) -> Listing | None:
    """The refs of a repository, ``None`` where there is none (or none that may be seen: the Hub tells no difference).

    Raises:
        RemoteError: the Hub can't be asked.
    """
    with hub_errors(repository):
        try:
            refs = api.list_repo_refs(repository.repo)
        except RepositoryNotFoundError as error:
            if "Authorization header" in (error.server_message or ""):
                raise
            return None
        return Listing(
            {info.name: info.target_commit for info in refs.branches},
            {info.name: info.target_commit for info in refs.tags},
        )
