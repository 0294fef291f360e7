"""Accounts and repositories: who am I, create, delete, settings, info."""

from __future__ import annotations

from typing import Any

from huggingface_hub import RepoCard

from tests.hub.repositories import File
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_json


def whoami(call: Call) -> Reply:
    """``GET /api/whoami-v2``."""
    user = call.viewer.user
    if user is None:
        raise HubError(401, "Invalid username or password.")
    organisations = [{"type": "org", "name": name, "roleInOrg": role} for name, role in user.organisations.items()]
    token = {"type": "access_token", "accessToken": {"displayName": "test", "role": call.viewer.role}}
    return as_json({"type": "user", "id": user.name, "name": user.name, "orgs": organisations, "auth": token})


def create(call: Call) -> Reply:
    """``POST /api/repos/create``: 409 with the URL where the repository is there already."""
    wanted = call.request.json()
    if wanted.get("type", "model") != "model":
        raise HubError(400, "This Hub has models only.")
    namespace = wanted.get("organization") or call.viewer.name
    call.require_write(namespace)
    repo_id = f"{namespace}/{wanted['name']}"
    url = f"{call.state.url}/{repo_id}"
    if repo_id in call.state.repositories:
        return as_json({"error": "You already created this model repo", "url": url}, 409)
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    call.state.repositories.create(repo_id, call.viewer.name, private=private)
    return as_json({"url": url, "name": repo_id, "id": repo_id})


def delete(call: Call) -> Reply:
    """``DELETE /api/repos/delete``."""
    wanted = call.request.json()
    repo_id = f"{wanted.get('organization') or call.viewer.name}/{wanted['name']}"
    repository = Call(call.state, call.request, call.viewer, {"repo": repo_id}).writable()
    call.state.repositories.delete(repository.id)
    return Reply(200, {"Content-Type": "text/plain"}, b"OK")


def settings(call: Call) -> Reply:
    """``PUT …/settings``: visibility and gating."""
    repository = call.writable()
    wanted = call.request.json()
    if "visibility" in wanted:
        repository.private = wanted["visibility"] == "private"
    if "gated" in wanted:
        repository.gated = bool(wanted["gated"])
    return as_json(wanted)


def auth_check(call: Call) -> Reply:
    """``GET …/auth-check``: may I read the files?"""
    call.open_repository()
    return Reply(200, {"Content-Type": "text/plain"}, b"OK")


def auth_check_write(call: Call) -> Reply:
    """``GET …/auth-check/write``."""
    call.writable()
    return Reply(200, {"Content-Type": "text/plain"}, b"OK")


def info(call: Call) -> Reply:
    """``GET /api/models/{repo}`` and ``…/revision/{revision}``; ``blobs`` adds sizes and ids, ``expand`` selects."""
    repository = call.readable()
    revision = call.parameters.get("revision", "main")
    commit = repository.find(revision)
    first = next(iter(repository.commits.values()))
    card = commit.tree.get("README.md")
    data = _metadata(card.content or b"") if card else {}
    found: dict[str, Any] = {
        "_id": repository.id,
        "id": repository.id,
        "modelId": repository.id,
        "author": repository.namespace,
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": first.date,
        "private": repository.private,
        "gated": "auto" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": _tags(data),
        "cardData": data,
        "siblings": [_sibling(path, file, call.request.flag("blobs")) for path, file in commit.tree.items()],
        **{key: data[key] for key in ("library_name", "pipeline_tag") if key in data},
    }
    wanted = [*call.request.query.get("expand", ()), *call.request.query.get("expand[]", ())]
    if wanted:
        found = {key: value for key, value in found.items() if key in {"_id", "id", *wanted}}
    return as_json(found)


def _sibling(path: str, file: File, blobs: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"rfilename": path}
    if blobs:
        found |= {"size": file.size, "blobId": file.oid}
        if file.sha256:
            found["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.git_blob)}
    return found


def _metadata(card: bytes) -> dict[str, Any]:
    data: Any = RepoCard(card.decode(errors="replace"), ignore_metadata_errors=True).data
    return dict(data.to_dict())


def _tags(data: dict[str, Any]) -> list[str]:
    """The tags of the card and those the Hub derives from its other fields."""
    base = data.get("base_model") or []
    relation = data.get("base_model_relation")
    found = [str(data[key]) for key in ("library_name", "pipeline_tag") if data.get(key)] + list(data.get("tags") or ())
    for name in [base] if isinstance(base, str) else base:
        found += [f"base_model:{name}", *([f"base_model:{relation}:{name}"] if relation else [])]
    return found + ([f"license:{data['license']}"] if data.get("license") else [])


def validate_card(call: Call) -> Reply:
    """``POST /api/validate-yaml``: is the head of a README.md a YAML mapping?"""
    errors = card_errors(call.request.json()["content"])
    return as_json({"errors": [{"message": error} for error in errors], "warnings": []}, 400 if errors else 200)


def card_errors(content: str) -> list[str]:
    try:
        RepoCard(content)
    except Exception as error:  # noqa: BLE001  (whatever a YAML reader raises, the card is at fault)
        return [f"Invalid metadata: {error}"]
    return []
