"""Which call is answered by whom."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.hub import api_commits, api_files, api_refs, api_repositories, lfs, pulls, xet
from tests.hub.state import Handler

_PLACES = {"repo": r"[^/]+/[^/]+", "path": r".+"}


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with places in braces (one segment each; ``repo`` two, ``path`` all that is left), a name.

    Attributes:
        kind: what the traffic is counted under.
    """

    method: str
    template: str
    kind: str
    handler: Handler
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        parts = re.split(r"\{(\w+)\}", self.template)
        regex = "".join(
            f"(?P<{part}>{_PLACES.get(part, '[^/]+')})" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
        object.__setattr__(self, "pattern", re.compile(regex))

    def match(self, method: str, raw_path: str) -> dict[str, str] | None:
        if (method if method != "HEAD" else "GET") != self.method:
            return None
        found = self.pattern.fullmatch(raw_path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


_MODEL = "/api/models/{repo}"

HUB: tuple[Route, ...] = (
    Route("GET", "/api/whoami-v2", "account", api_repositories.whoami),
    Route("POST", "/api/validate-yaml", "card", api_repositories.validate_card),
    Route("POST", "/api/repos/create", "repository", api_repositories.create),
    Route("DELETE", "/api/repos/delete", "repository", api_repositories.delete),
    Route("GET", _MODEL, "info", api_repositories.info),
    Route("GET", f"{_MODEL}/revision/{{revision}}", "info", api_repositories.info),
    Route("PUT", f"{_MODEL}/settings", "repository", api_repositories.settings),
    Route("GET", f"{_MODEL}/auth-check", "account", api_repositories.auth_check),
    Route("GET", f"{_MODEL}/auth-check/write", "account", api_repositories.auth_check_write),
    Route("GET", f"{_MODEL}/refs", "refs", api_refs.refs),
    Route("POST", f"{_MODEL}/branch/{{branch}}", "refs", api_refs.create_branch),
    Route("DELETE", f"{_MODEL}/branch/{{branch}}", "refs", api_refs.delete_branch),
    Route("POST", f"{_MODEL}/tag/{{revision}}", "refs", api_refs.create_tag),
    Route("DELETE", f"{_MODEL}/tag/{{revision}}", "refs", api_refs.delete_tag),
    Route("GET", f"{_MODEL}/commits/{{revision}}", "history", api_refs.commits),
    Route("POST", f"{_MODEL}/super-squash/{{branch}}", "refs", api_refs.squash),
    Route("GET", f"{_MODEL}/tree/{{revision}}", "listing", api_files.tree),
    Route("GET", f"{_MODEL}/tree/{{revision}}/{{path}}", "listing", api_files.tree),
    Route("POST", f"{_MODEL}/paths-info/{{revision}}", "listing", api_files.paths_info),
    Route("POST", f"{_MODEL}/preupload/{{revision}}", "preupload", api_commits.preupload),
    Route("POST", f"{_MODEL}/commit/{{revision}}", "commit", api_commits.commit),
    Route("GET", f"{_MODEL}/discussions", "discussion", pulls.listing),
    Route("POST", f"{_MODEL}/discussions", "discussion", pulls.create),
    Route("GET", f"{_MODEL}/discussions/{{number}}", "discussion", pulls.details),
    Route("POST", f"{_MODEL}/discussions/{{number}}/merge", "discussion", pulls.merge),
    Route("POST", f"{_MODEL}/discussions/{{number}}/status", "discussion", pulls.change_status),
    Route("POST", "/{repo}.git/info/lfs/objects/batch", "lfs", lfs.batch),
    Route("POST", f"{_MODEL}/lfs-verify", "lfs", lfs.verify),
    Route("POST", "/api/complete-multipart/{oid}", "lfs", lfs.complete),
    Route("GET", f"{_MODEL}/xet-read-token/{{revision}}", "token", xet.read_token),
    Route("GET", f"{_MODEL}/xet-write-token/{{revision}}", "token", xet.write_token),
    Route("GET", "/api/resolve-cache/models/{repo}/{revision}/{path}", "download", api_files.resolve_cache),
    Route("GET", "/{repo}/resolve/{revision}/{path}", "resolve", api_files.resolve),
)

STORAGE: tuple[Route, ...] = (
    Route("PUT", "/objects/{oid}", "upload", lfs.put_object),
    Route("PUT", "/parts/{oid}/{number}", "upload", lfs.put_part),
    Route("GET", "/files/{repo}/{oid}/{path}", "download", lfs.get_object),
)

# Behind a segment that differs from Hub to Hub, see State.cas_url.
STORE: tuple[Route, ...] = (
    Route("POST", "/{hub}/v1/xorbs/default/{xorb}", "upload", xet.put_xorb),
    Route("POST", "/{hub}/v1/shards", "upload", xet.put_shard),
    Route("GET", "/{hub}/v1/reconstructions/{file}", "reconstruction", xet.reconstruction),
    Route("GET", "/xorbs/{xorb}", "download", xet.get_xorb),
)


def find(routes: Iterable[Route], method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route a request matches, with what stands in its places. HEAD goes where GET goes."""
    for route in routes:
        parameters = route.match(method, raw_path)
        if parameters is not None:
            return route, parameters
    return None
