"""Refs: list them, make and delete branches and tags, walk the commits behind one, squash a branch."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.hub.repositories import HEADS, PULLS, TAGS, Repository
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_json

_COMMITS_PER_PAGE = 50


def refs(call: Call) -> Reply:
    """``GET …/refs``; pull requests with ``include_prs``."""
    repository = call.readable()

    def below(prefix: str) -> list[dict[str, str]]:
        return [
            {"name": ref if prefix == PULLS else ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
            for ref, oid in sorted(repository.refs.items())
            if ref.startswith(prefix)
        ]

    found = {"branches": below(HEADS), "tags": below(TAGS), "converts": []}
    return as_json({**found, "pullRequests": below(PULLS)} if call.request.flag("include_prs") else found)


def create_branch(call: Call) -> Reply:
    """``POST …/branch/{branch}`` with ``startingPoint``, main otherwise."""
    repository = call.writable()
    if call["branch"].startswith("refs/"):
        raise HubError(400, "Invalid reference for a branch: " + call["branch"])
    start = call.request.json().get("startingPoint") or "main"
    _create(repository, HEADS + call["branch"], repository.find(start).oid)
    return as_json({"success": True})


def delete_branch(call: Call) -> Reply:
    """``DELETE …/branch/{branch}``; main stays."""
    repository = call.writable()
    if call["branch"] == "main":
        raise HubError(403, "Cannot delete the default branch.")
    return _delete(repository, HEADS + call["branch"])


def create_tag(call: Call) -> Reply:
    """``POST …/tag/{revision}`` with ``tag``: the tag is made on the revision."""
    repository = call.writable()
    _create(repository, TAGS + call.request.json()["tag"], repository.find(call["revision"]).oid)
    return as_json({"success": True})


def delete_tag(call: Call) -> Reply:
    """``DELETE …/tag/{revision}``."""
    return _delete(call.writable(), TAGS + call["revision"])


def _create(repository: Repository, ref: str, oid: str) -> None:
    if ref in repository.refs:
        raise HubError(409, f"Reference already exists: {ref}")
    repository.refs[ref] = oid


def _delete(repository: Repository, ref: str) -> Reply:
    if repository.refs.pop(ref, None) is None:
        raise HubError(404, f"Invalid rev id: {ref}", "RevisionNotFound")
    return Reply(200, {"Content-Type": "text/plain"}, b"OK")


def commits(call: Call) -> Reply:
    """``GET …/commits/{revision}``, newest first, page by page through ``Link``."""
    history = list(call.readable().history(call["revision"]))
    page = int(call.request.option("p", "0"))
    shown = history[page * _COMMITS_PER_PAGE : (page + 1) * _COMMITS_PER_PAGE]
    reply = as_json(
        [
            {
                "id": commit.oid,
                "title": commit.title,
                "message": commit.message,
                "authors": [{"user": commit.author}],
                "date": commit.date,
            }
            for commit in shown
        ]
    )
    if (page + 1) * _COMMITS_PER_PAGE < len(history):
        query = urlencode({**{key: value[0] for key, value in call.request.query.items()}, "p": page + 1})
        reply.headers["Link"] = f'<{call.state.url}{call.request.raw_path}?{query}>; rel="next"'
    return reply


def squash(call: Call) -> Reply:
    """``POST …/super-squash/{branch}``: one commit without a parent in the place of a branch's history."""
    repository = call.writable()
    ref = repository.writable_ref(call["branch"])
    tree = repository.find(ref).tree
    repository.refs[ref] = repository.commit(tree, None, call.viewer.name, call.request.json()["message"]).oid
    return as_json({"success": True})
