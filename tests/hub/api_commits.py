"""Writing: how each file wants to come (preupload), and the commit itself, guarded by its parent."""

from __future__ import annotations

import base64
from typing import Any

from tests.hub.api_repositories import card_errors
from tests.hub.gitattributes import goes_to_lfs
from tests.hub.pulls import open_pull
from tests.hub.repositories import Commit, File, Repository, regular
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_json


def preupload(call: Call) -> Reply:
    """``POST …/preupload/{revision}``: LFS or regular, and the id of what stands there now.

    ``.gitignore`` isn't looked at: nothing is ignored.
    """
    repository = call.proposable() if call.request.flag("create_pr") else call.writable_at(call["revision"])
    commit = repository.find(call["revision"])
    attributes = commit.tree[".gitattributes"].git_blob.decode() if ".gitattributes" in commit.tree else ""
    found = []
    for file in call.request.json()["files"]:
        sample = base64.b64decode(file.get("sample", ""))
        here = commit.tree.get(file["path"])
        mode = "lfs" if goes_to_lfs(file["path"], file["size"], sample, attributes) else "regular"
        found.append(
            {
                "path": file["path"],
                "uploadMode": mode,
                "shouldIgnore": False,
                **({"oid": here.etag} if here else {}),
            }
        )
    return as_json({"files": found, "commitOid": commit.oid})


def commit(call: Call) -> Reply:
    """``POST …/commit/{revision}``: NDJSON, one header line and one line a change; all of it or nothing.

    ``parentCommit`` in the header is the guard: 412 where the branch has moved on. With ``create_pr`` a pull request
    is opened from that parent instead.
    """
    proposing = call.request.flag("create_pr")
    repository = call.proposable() if proposing else call.writable_at(call["revision"])
    lines = call.request.lines()
    header: dict[str, Any] = next(line["value"] for line in lines if line["key"] == "header")
    if not header.get("summary"):
        raise HubError(400, "A commit needs a summary.")
    parent = _parent(call, repository, header.get("parentCommit"), proposing)
    tree = dict(parent.tree)
    for line in lines:
        _apply(tree, line["key"], line["value"], repository, call)
    made = repository.commit(tree, parent.oid, call.viewer.name, header["summary"], header.get("description", ""))
    url = f"{call.state.url}/{repository.id}"
    answer: dict[str, Any] = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/commit/{made.oid}"}
    if proposing:
        pull = open_pull(repository, header["summary"], call.viewer.name, made, parent)
        answer["pullRequestUrl"] = f"{url}/discussions/{pull.number}"
    else:
        repository.refs[repository.writable_ref(call["revision"])] = made.oid
    reply = as_json({**answer, "hookOutput": ""})
    reply.files = tuple(f"{repository.id}:{line['value']['path']}" for line in lines if line["key"] == "file")
    return reply


def _parent(call: Call, repository: Repository, expected: str | None, proposing: bool) -> Commit:
    head = repository.find(repository.writable_ref(call["revision"]))
    if expected is None or head.oid.startswith(expected):
        return head
    if proposing:
        return repository.find(expected)
    raise HubError(412, "A commit has happened since. Please refresh and try again.")


def _apply(tree: dict[str, File], key: str, value: dict[str, Any], repository: Repository, call: Call) -> None:
    path = value.get("path", "")
    if key == "file":
        tree[path] = _regular(path, value, tree)
    elif key == "lfsFile":
        tree[path] = _pointer(path, value["oid"], repository, call)
    elif key == "deletedFile":
        if tree.pop(path, None) is None:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif key == "deletedFolder":
        gone = [name for name in tree if name.startswith(path.rstrip("/") + "/")]
        if not gone:
            raise HubError(404, f"A folder with this name doesn't exist: {path}", "EntryNotFound")
        for name in gone:
            del tree[name]
    elif key != "header":
        raise HubError(400, f"Unknown operation: {key}")


def _regular(path: str, value: dict[str, Any], tree: dict[str, File]) -> File:
    encoded = value.get("encoding") == "base64"
    content = base64.b64decode(value["content"]) if encoded else value["content"].encode()
    attributes = tree[".gitattributes"].git_blob.decode() if ".gitattributes" in tree else ""
    # An empty file is never an LFS object, whatever its name.
    if content and goes_to_lfs(path, len(content), content[:512], attributes):
        raise HubError(400, f"Your push was rejected because it contains files that belong into LFS: {path}")
    errors = card_errors(content.decode(errors="replace")) if path == "README.md" else []
    if errors:
        raise HubError(400, "\n".join(errors))
    return regular(content)


def _pointer(path: str, oid: str, repository: Repository, call: Call) -> File:
    """An LFS file, whose object has to be here before the commit that names it."""
    content = call.state.storage.objects.get(oid)
    if oid not in repository.objects or content is None:
        reason = "Your push was rejected because an LFS pointer pointed to a file that does not exist."
        raise HubError(400, f"{reason} Offending file: {path}")
    return File(len(content), None, oid, call.state.storage.xet.get(oid))
