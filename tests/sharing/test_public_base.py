"""Whether others can have the base model, and what its card says of its licence."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from tests.sharing.cards import ID, described
from wisedb.config import BaseModel
from wisedb.sharing.card import Described, render
from wisedb.sharing.public_base import PublicBase, public_base
from wisedb.store.commits import Commit


def _base(model: str) -> BaseModel:
    return BaseModel(model, None, "a" * 64, "b" * 64)


def test_a_folder_is_not_published(tmp_path: Path) -> None:
    folder = tmp_path / "secret-project"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: llama2\n---\n")
    base = public_base(_base(str(folder)))
    assert base == PublicBase(None, None, licence={"license": "llama2"})
    card = render(Described(ID, Commit((), "A", "2026-01-01T00:00:00Z", "", _base(str(folder)))), base)
    assert "secret-project" not in card and "can't be named here" in card
    assert 'model="FOLDER-OF-THE-BASE-MODEL", mode="merge")' in card and "--model FOLDER-OF-THE-BASE-MODEL\n" in card
    assert "base_model" not in ModelCard(card).data.to_dict()


def test_the_model_inside_has_no_repository() -> None:
    card = render(described(), public_base(_base("atlas")))
    data = ModelCard(card).data.to_dict()
    assert data["license"] == "apache-2.0" and "base_model" not in data and "ships inside wisedb" in card


def test_a_folder_of_the_hubs_cache_names_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "models--some-org--some-model" / "snapshots" / ("1" * 40)
    folder.mkdir(parents=True)
    assert public_base(_base(str(folder))) == PublicBase("some-org/some-model", "1" * 40)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("license: apache-2.0", {"license": "apache-2.0"}),
        (
            "license: other\nlicense_name: my-licence\nlicense_link: LICENSE",
            {
                "license": "other",
                "license_name": "my-licence",
                "license_link": "https://huggingface.co/some-org/model/blob/main/LICENSE",
            },
        ),
        ("license: 'evil\n\n  ---\n\n  x'", {}),
        ("license: other\nlicense_link: 'javascript:alert(1)'", {"license": "other"}),
        ("license: [mit]", {}),
        ("license: }", {}),
        ("- a", {}),
    ],
)
def test_the_licence_is_what_the_bases_card_says(tmp_path: Path, metadata: str, licence: dict[str, str]) -> None:
    folder = tmp_path / "models--some-org--model" / "snapshots" / ("1" * 40)
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(f"---\n{metadata}\n---\n")
    assert public_base(_base(str(folder))).licence == licence
