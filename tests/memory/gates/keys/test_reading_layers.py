"""Where it is read what a prompt asks."""

from __future__ import annotations

from dataclasses import replace

from tests.models import tiny_model
from wisedb.memory.gates.keys.reading_layers import chat_layers, relation_layer
from wisedb.model.locate import locate


def test_where_relations_are_read() -> None:
    projection = locate(tiny_model("llama"))
    assert relation_layer(projection) == 1
    assert relation_layer(locate(tiny_model("llama"), layer=0)) == 0
    deep = replace(projection, layer=25, layers=30)
    assert relation_layer(deep) == 15 and relation_layer(deep, chat=True) == 18
    assert chat_layers(deep) == (18, 23) and chat_layers(replace(deep, layer=20)) == (18, 20)
    assert chat_layers(replace(deep, layer=10)) == (10,)
