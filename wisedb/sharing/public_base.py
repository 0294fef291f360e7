"""What a pack may say in public of its base model: never where it lies on somebody's disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from huggingface_hub import RepoCard, constants, errors, hf_hub_download

from wisedb.config import BaseModel

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_HUB_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_CACHED: Final = re.compile(r"/models--(?P<id>[\w.-]+)/snapshots/(?P<revision>[0-9a-f]{40})/?", re.ASCII)

_LICENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+ _-]{0,99}")
_LINK: Final = re.compile(r"https?://[\w./%#?=&~+-]{1,500}", re.ASCII)
_FILE: Final = re.compile(r"(\./)?[A-Za-z0-9][\w.-]{0,99}", re.ASCII)

_ATLAS: Final = "atlas"
_ATLAS_LICENCE: Final = "apache-2.0"


@dataclass(frozen=True, slots=True)
class PublicBase:
    """A base model as strangers may know it.

    Attributes:
        hub_id: its id on the Hub, ``None`` where it isn't known to be there.
        revision: its commit on the Hub.
        built_in: whether it ships inside wisedb.
        licence: ``license``, and where that is ``other`` or a custom one also ``license_name`` and ``license_link``, as
            model cards spell them; empty where the licence isn't known: nothing is claimed then.
    """

    hub_id: str | None
    revision: str | None
    built_in: bool = False
    licence: Mapping[str, str] = field(default_factory=dict)


def public_base(
    base: BaseModel, *, online: bool = False, token: str | bool | None = None, endpoint: str | None = None
) -> PublicBase:
    """Find out what may be said.

    A folder of the Hub's own cache names the repository that it is a copy of; any other folder stays unnamed. The
    licence is what the base model's card says: of that revision on the Hub, or in the folder.

    Args:
        base: the base model.
        online: whether the Hub may be asked for the card; otherwise only its cache and the folder are.
        token: the Hub's access token, as in ``huggingface_hub``.
        endpoint: the Hub's address, if not the usual one.
    """
    if base.model == _ATLAS:
        return PublicBase(None, None, built_in=True, licence={"license": _ATLAS_LICENCE})
    if found := _CACHED.search(base.model):
        hub_id, revision = found["id"].replace("--", "/", 1), found["revision"]
        if _HUB_ID.fullmatch(hub_id):
            return PublicBase(hub_id, revision, licence=_licence(Path(base.model) / constants.REPOCARD_NAME, hub_id))
    if _HUB_ID.fullmatch(base.model):
        revision = base.revision if base.revision and _HUB_COMMIT.fullmatch(base.revision) else None
        try:
            card = hf_hub_download(
                base.model,
                constants.REPOCARD_NAME,
                revision=revision,
                token=token,
                endpoint=endpoint,
                local_files_only=not online,
            )
        except (OSError, ValueError, errors.HTTPError, errors.EntryNotFoundError):  # type: ignore[attr-defined]
            return PublicBase(base.model, revision)  # no card, no permission or no network: a push needs none of them
        return PublicBase(base.model, revision, licence=_licence(Path(card), base.model))
    return PublicBase(None, None, licence=_licence(Path(base.model) / constants.REPOCARD_NAME, None))


def _licence(card: Path, hub_id: str | None) -> dict[str, str]:
    """What ``card`` says of the licence, if it says so in the form that cards have."""
    try:
        data = RepoCard.load(card).data if card.is_file() else None
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        return {}
    if data is None or not _is(_LICENCE, data.get("license")):
        return {}
    licence = {"license": data["license"]}
    if _is(_LICENCE, data.get("license_name")):
        licence["license_name"] = data["license_name"]
    link = data.get("license_link")
    if hub_id is not None and _is(_FILE, link):
        link = f"https://huggingface.co/{hub_id}/blob/main/{link.removeprefix('./')}"
    if _is(_LINK, link):
        licence["license_link"] = link
    return licence


def _is(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None
