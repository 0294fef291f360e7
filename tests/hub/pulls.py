"""Pull requests: open one, look at it, merge it, close it. Discussions without commits aren't kept."""

from __future__ import annotations

from typing import Any

from tests.hub.repositories import PULLS, Commit, PullRequest, Repository
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_json


def open_pull(repository: Repository, title: str, author: str, head: Commit, base: Commit) -> PullRequest:
    """A pull request whose commits end in ``head`` and began after ``base``."""
    number = len(repository.pulls) + 1
    repository.pulls[number] = PullRequest(number, title, author, base.oid, repository.now())
    repository.refs[f"{PULLS}{number}"] = head.oid
    return repository.pulls[number]


def create(call: Call) -> Reply:
    """``POST …/discussions``: an empty pull request from the head of main."""
    repository = call.proposable()
    wanted = call.request.json()
    if not wanted.get("pullRequest"):
        raise HubError(400, "This Hub keeps pull requests, and no other discussions.")
    head = repository.find("main")
    pull = open_pull(repository, wanted["title"], call.viewer.name, head, head)
    pull.status = "draft"
    return as_json({"num": pull.number, "pullRequest": True})


def listing(call: Call) -> Reply:
    """``GET …/discussions``."""
    repository = call.readable()
    found = [_summary(repository, pull) for pull in repository.pulls.values()]
    return as_json({"discussions": found, "count": len(found), "start": 0})


def details(call: Call) -> Reply:
    """``GET …/discussions/{number}``."""
    repository = call.readable()
    pull = _find(call, repository)
    changes = {"base": "refs/heads/main", "mergeCommitId": pull.merge_commit}
    conflicts = _merge(repository, pull)[1] if pull.status != "merged" else []
    more = {"changes": changes, "filesWithConflicts": conflicts, "events": [], "diff": ""}
    return as_json({**_summary(repository, pull), **more})


def merge(call: Call) -> Reply:
    """``POST …/discussions/{number}/merge``: what the pull request changed, put onto main as it is now."""
    repository = call.writable()
    pull = _find(call, repository)
    tree, conflicts = _merge(repository, pull)
    if conflicts or pull.status not in {"open", "draft"}:
        raise HubError(409, "This pull request cannot be merged: " + (", ".join(conflicts) or pull.status))
    head = repository.find("main")
    made = repository.commit(tree, head.oid, call.viewer.name, f"{pull.title} (#{pull.number})")
    repository.refs["refs/heads/main"] = pull.merge_commit = made.oid
    pull.status = "merged"
    return as_json({"success": True})


def change_status(call: Call) -> Reply:
    """``POST …/discussions/{number}/status``: open or closed."""
    repository = call.writable()
    pull = _find(call, repository)
    pull.status = call.request.json()["status"]
    event = {"id": f"{pull.number}", "type": "status-change", "createdAt": repository.now()}
    return as_json({"newStatus": {**event, "author": {"name": call.viewer.name}, "data": {"status": pull.status}}})


def _find(call: Call, repository: Repository) -> PullRequest:
    pull = repository.pulls.get(int(call["number"])) if call["number"].isdigit() else None
    if pull is None:
        raise HubError(404, "Discussion not found")
    return pull


def _summary(repository: Repository, pull: PullRequest) -> dict[str, Any]:
    return {
        "num": pull.number,
        "title": pull.title,
        "author": {"name": pull.author},
        "createdAt": pull.date,
        "status": pull.status,
        "repo": {"name": repository.id, "type": "model"},
        "isPullRequest": True,
    }


def _merge(repository: Repository, pull: PullRequest) -> tuple[dict[str, Any], list[str]]:
    """The tree of main with the changes of a pull request, and the paths both sides changed differently."""
    base = repository.commits[pull.base].tree
    theirs, ours = repository.find(f"{PULLS}{pull.number}").tree, repository.find("main").tree
    merged, conflicts = dict(ours), []
    for path in sorted({*base, *theirs}):
        if theirs.get(path) == base.get(path) or theirs.get(path) == ours.get(path):
            continue
        if ours.get(path) != base.get(path):
            conflicts.append(path)
        elif path in theirs:
            merged[path] = theirs[path]
        else:
            del merged[path]
    return merged, conflicts
