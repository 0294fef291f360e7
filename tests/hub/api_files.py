"""Files at a revision: listings of the tree, and the way to the bytes (/resolve)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from tests.hub.repositories import Commit, File, Repository, children, subtree, tree_id
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_file, as_json


def tree(call: Call) -> Reply:
    """``GET …/tree/{revision}/{path}``: one folder, or with ``recursive`` all below it; pages through ``Link``."""
    commit = call.readable().find(call["revision"])
    folder = call.parameters.get("path", "").strip("/")
    below = subtree(commit.tree, folder)
    if folder and not below:
        raise HubError(404, f"{folder} does not exist on {call['revision']!r}", "EntryNotFound")
    entries = _listing(below, folder, call.request.flag("recursive"), commit, call.request.flag("expand"))
    start = int(call.request.option("cursor", "0"))
    stop = start + int(call.request.option("limit", str(call.state.limits.page)))
    reply = as_json(entries[start:stop])
    if stop < len(entries):
        query = urlencode({**{key: value[0] for key, value in call.request.query.items()}, "cursor": stop})
        reply.headers["Link"] = f'<{call.state.url}{call.request.raw_path}?{query}>; rel="next"'
    return reply


def paths_info(call: Call) -> Reply:
    """``POST …/paths-info/{revision}``: what stands at some paths; those where nothing stands are left out."""
    commit = call.readable().find(call["revision"])
    if "json" in call.request.headers.get("Content-Type", ""):
        wanted = call.request.json()
        paths, expand = wanted["paths"], bool(wanted.get("expand"))
    else:
        form = parse_qs(call.request.body.decode(), keep_blank_values=True)
        paths, expand = form.get("paths", []), form.get("expand", ["false"])[0].lower() == "true"
    if len(paths) > 1000:
        raise HubError(413, "too many parameters")
    found = [_entry(path, file, commit, expand) for path in paths if (file := commit.tree.get(path))]
    folders = [_folder(path, below, commit, expand) for path in paths if (below := subtree(commit.tree, path))]
    return as_json(found + folders)


def _listing(below: dict[str, File], folder: str, deep: bool, commit: Commit, expand: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, child in sorted(children(below).items()):
        path = f"{folder}/{name}" if folder else name
        if isinstance(child, File):
            found.append(_entry(path, child, commit, expand))
            continue
        found.append(_folder(path, child, commit, expand))
        if deep:
            found += _listing(child, path, deep, commit, expand)
    return found


def _entry(path: str, file: File, commit: Commit, expand: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": path, "oid": file.oid, "size": file.size}
    if file.sha256:
        found["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": len(file.git_blob)}
    if file.xet:
        found["xetHash"] = file.xet
    return found | (_last(commit) if expand else {})


def _folder(path: str, below: dict[str, File], commit: Commit, expand: bool) -> dict[str, Any]:
    found = {"type": "directory", "path": path, "oid": tree_id(below), "size": 0}
    return found | (_last(commit) if expand else {})


def _last(commit: Commit) -> dict[str, Any]:
    return {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}}


def resolve(call: Call) -> Reply:
    """``GET /{repo}/resolve/{revision}/{path}``: never the bytes themselves, but where they are and what they are.

    A regular file is a hop away on the Hub (307), under an address that names the commit; an LFS file lies in the
    storage (302, a signed URL), and in Xet where ``X-Xet-Hash`` says so.
    """
    repository, commit, file = _find(call)
    path = call["path"]
    headers = _identity(commit, file) | {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
    if file.sha256 is None:
        etag = quote(f'"{file.etag}"')
        headers["Location"] = f"/api/resolve-cache/models/{repository.id}/{commit.oid}/{quote(path)}?etag={etag}"
        return Reply(307, headers)
    headers["Location"] = call.state.sign(f"/files/{repository.id}/{file.sha256}/{path}")
    if file.xet and call.state.xet:
        refresh = f"{call.state.url}/api/models/{repository.id}/xet-read-token/{commit.oid}"
        headers["X-Xet-Hash"] = file.xet
        headers["X-Xet-Refresh-Route"] = refresh
        headers["Link"] = f'<{refresh}>; rel="xet-auth"'
    return Reply(302, headers)


def resolve_cache(call: Call) -> Reply:
    """``GET /api/resolve-cache/models/{repo}/{revision}/{path}``: the bytes of a regular file."""
    repository, commit, file = _find(call)
    assert file.content is not None, "LFS files are in the storage"
    headers = _identity(commit, file)
    return as_file(call.request, file.content, headers, (f"{repository.id}:{call['path']}",))


def _identity(commit: Commit, file: File) -> dict[str, str]:
    return {"X-Repo-Commit": commit.oid, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}


def _find(call: Call) -> tuple[Repository, Commit, File]:
    repository = call.open_repository()
    commit = repository.find(call["revision"])
    file = commit.tree.get(call["path"])
    if file is None:
        # With the commit, the client remembers that this commit has no such file.
        raise HubError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.oid)
    return repository, commit, file
