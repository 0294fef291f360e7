"""Git LFS: what to upload and where to (batch), the uploads themselves, and the word that they arrived (verify)."""

from __future__ import annotations

from math import ceil
from typing import Any

from tests.hub.repositories import Repository
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_file, as_json


def batch(call: Call) -> Reply:
    """``POST /{repo}.git/info/lfs/objects/batch``: no actions for what is here already."""
    wanted = call.request.json()
    repository = call.writable_at(wanted["ref"]["name"]) if "ref" in wanted else call.proposable()
    multipart = "multipart" in wanted.get("transfers", ())
    objects = [_instructions(call, repository, item["oid"], item["size"], multipart) for item in wanted["objects"]]
    return as_json({"transfer": "multipart" if multipart else "basic", "objects": objects})


def _instructions(call: Call, repository: Repository, oid: str, size: int, multipart: bool) -> dict[str, Any]:
    if oid in repository.objects:
        return {"oid": oid, "size": size}
    state = call.state
    verify = {"href": f"{state.url}/api/models/{repository.id}/lfs-verify"}
    if multipart and size > state.limits.part:
        parts = range(1, ceil(size / state.limits.part) + 1)
        header = {str(number): state.sign(f"/parts/{oid}/{number}") for number in parts}
        # The complete call is the Hub's, and carries no token either.
        complete = f"/api/complete-multipart/{oid}"
        href = f"{state.url}{complete}?signature={state.signature(complete)}"
        upload: dict[str, Any] = {"href": href, "header": {"chunk_size": str(state.limits.part), **header}}
    else:
        upload = {"href": state.sign(f"/objects/{oid}")}
    return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}


def complete(call: Call) -> Reply:
    """``POST /api/complete-multipart/{oid}``: the parts become the object."""
    call.require_signature()
    said = call.request.json()
    have = call.state.storage.parts.get(call["oid"], {})
    if [part["partNumber"] for part in said["parts"]] != sorted(have) or not call.state.storage.join(call["oid"]):
        raise HubError(400, "One or more of the specified parts could not be found.")
    return as_json({"success": True})


def verify(call: Call) -> Reply:
    """``POST …/lfs-verify``: from here on the repository has the object."""
    repository = call.proposable()
    said = call.request.json()
    content = call.state.storage.objects.get(said["oid"])
    if content is None or len(content) != said["size"]:
        raise HubError(404, "Object was not uploaded.")
    repository.objects.add(said["oid"])
    return as_json({"success": True})


def put_object(call: Call) -> Reply:
    """``PUT /objects/{oid}`` of the storage."""
    call.require_signature()
    if not call.state.storage.put(call["oid"], call.request.body):
        raise HubError(400, "The SHA-256 you specified did not match what we received.")
    return Reply(200, {"ETag": f'"{call["oid"]}"'}, files=(f"sha256:{call['oid']}",))


def put_part(call: Call) -> Reply:
    """``PUT /parts/{oid}/{number}`` of the storage."""
    call.require_signature()
    etag = call.state.storage.put_part(call["oid"], int(call["number"]), call.request.body)
    return Reply(200, {"ETag": f'"{etag}"'}, files=(f"sha256:{call['oid']}#{call['number']}",))


def get_object(call: Call) -> Reply:
    """``GET /files/{repo}/{oid}/{path}`` of the storage: where /resolve sends a reader of an LFS file."""
    call.require_signature()
    content = call.state.storage.objects[call["oid"]]
    return as_file(call.request, content, {"ETag": f'"{call["oid"]}"'}, (f"{call['repo']}:{call['path']}",))
