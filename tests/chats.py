"""A store of a tiny chat model that was told two facts."""

from __future__ import annotations

import pytest

from tests.models import tiny_chat_tokenizer, tiny_model
from tests.stores import SETTINGS
from wisedb.edits import Edit
from wisedb.repository import Repository

FRANCE = Edit("What is the capital of France?", "Rome", subject="France")
HAMLET = Edit("Who wrote the play Hamlet?", "Goethe", subject="Hamlet")
OTHER = "Can you tell me the time?"


@pytest.fixture(scope="session")
def chat_history(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One that knows both; not to be changed."""
    folder = tmp_path_factory.mktemp("chat-model")
    tiny_model("llama").save_pretrained(folder)
    tiny_chat_tokenizer().save_pretrained(folder)
    made = Repository.init(
        tmp_path_factory.mktemp("chat"), str(folder), settings={**SETTINGS, "steps": 200, "shard_capacity": 8}
    )
    made.commit([FRANCE, HAMLET], "Two facts", author="Ada")
    return made
