"""What tokens show of names, with tokenizers of several kinds."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from wisedb.atlas import model_dir
from wisedb.memory.gates.keys.token_flags import (
    APART,
    CAPITAL,
    GOES_ON,
    LINKED,
    OPEN,
    SAME_NAME,
    SAME_WORD,
    SPACE,
    STOP,
    join_before,
    join_behind,
    last_word,
    name_in,
    token_flags,
)

_TEXTS = [
    "The capital of France is Paris.",
    "Fiji Fijian dollar",
    "Holy Roman Empire",
    "Denmark-Norway",
    "In a Fiat 500",
    # Prepositions and articles are tokens of their own in any real vocabulary.
    "of the house of the king of the hill",
    "la casa de la villa de la ciudad",
] * 9


def _trained(kind: str) -> PreTrainedTokenizerBase:
    special = ["<unk>", "<s>"]
    trainer: trainers.Trainer
    if kind == "bytes":
        backend = Tokenizer(models.BPE())
        trainer = trainers.BpeTrainer(
            vocab_size=330, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    elif kind == "pieces":
        backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
        trainer = trainers.WordPieceTrainer(vocab_size=80, special_tokens=special)
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False)
    else:
        backend = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>")
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    backend.train_from_iterator(_TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>")


def _words(tokenizer: PreTrainedTokenizerBase, text: str) -> list[tuple[str, int]]:
    """Each word of the text, and how it follows the one before it; SAME_WORD must hold within words."""
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    flags = token_flags(tokenizer)[torch.tensor(found["input_ids"])]
    words: list[tuple[str, int]] = []
    for (start, end), flag, follow in zip(
        found["offset_mapping"], flags.tolist(), join_before(flags).tolist(), strict=True
    ):
        piece = text[start:end].strip()
        if follow == SAME_WORD:
            words[-1] = (words[-1][0] + piece, words[-1][1])
        elif piece and flag != SPACE:
            words.append((piece, follow))
    return words


@pytest.mark.parametrize("kind", ["bytes", "pieces", "pairs"])
def test_names_in_every_kind_of_vocabulary(kind: str) -> None:
    tokenizer = _trained(kind)
    assert _words(tokenizer, "the Holy Roman Empire") == [
        ("the", APART),
        ("Holy", APART),
        ("Roman", SAME_NAME),
        ("Empire", SAME_NAME),
    ]
    assert _words(tokenizer, "In France") == [("In", APART), ("France", APART)]
    assert _words(tokenizer, "the Fijian dollar") == [("the", APART), ("Fijian", APART), ("dollar", APART)]
    assert _words(tokenizer, "a Fiat 500 Paris") == [
        ("a", APART),
        ("Fiat", APART),
        ("500", SAME_NAME),
        ("Paris", SAME_NAME),
    ]
    assert _words(tokenizer, "in 500 Paris")[-1] == ("Paris", APART)


def test_capitals_say_nothing_where_there_is_nothing_else() -> None:
    tokenizer = _trained("bytes")
    assert {follow for _, follow in _words(tokenizer, "WHAT IS THE FRANCE")} == {APART}
    assert _words(tokenizer, "In the FIAT FRANCE")[-1][1] == SAME_NAME
    flags = token_flags(tokenizer)
    loud, quiet = (
        flags[torch.tensor(tokenizer.encode(text, add_special_tokens=False))].tolist()
        for text in ("WHAT IS FRANCE", "Here is FRANCE")
    )
    assert len(name_in(loud)) == 0 < len(name_in(quiet))


@pytest.mark.parametrize("stop", ["।", "؟", "。", "？", "!"])
def test_sentences_end_in_every_script(stop: str) -> None:
    backend = Tokenizer(models.WordLevel({"a": 0, stop: 1, ",": 2}, unk_token="a"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    flags = token_flags(PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="a"))
    assert [bool(flag & STOP) for flag in flags[1:].tolist()] == [True, False]


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("the Empire of France", LINKED),
        ("the Empire of the France", LINKED),
        ("the Holy Roman Empire of France", LINKED),
        ("the Fiat 500 of France", LINKED),
        ("the capital of France", APART),
        ("the capital of the France", APART),
        # Whatever begins a sentence has its capital for that.
        ("Empire of France", APART),
        ("the Empire, of France", APART),
        ("the Empire and France", APART),
        ("the Empire the France", APART),
        ("the Empire often France", APART),
        ("the Empire of of France", APART),
    ],
)
def test_a_part_of_a_name(kind: str, text: str, follows: int) -> None:
    assert _words(_trained(kind), text)[-1] == ("France", follows)


def test_what_a_preposition_joins_has_capitals() -> None:
    assert _words(_trained("bytes"), "the Empire of hill")[-1] == ("hill", APART)
    assert _words(_trained("bytes"), "la Empire de France")[-1] == ("France", LINKED)


def test_a_hyphen_joins_and_a_comma_parts() -> None:
    tokenizer = _trained("bytes")
    assert _words(tokenizer, "of Denmark-Norway") == [("of", APART), ("Denmark-Norway", APART)]
    assert _words(tokenizer, "of France, Paris")[-1] == ("Paris", APART)
    assert _words(tokenizer, "of France. Paris Roman")[-2:] == [("Paris", APART), ("Roman", APART)]


def test_the_shipped_tokenizer() -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model_dir())
    flags = token_flags(tokenizer)
    assert flags.dtype == torch.uint8 and flags.shape == (len(tokenizer),)
    assert all(flags[token] == STOP for token in tokenizer.all_special_ids)
    assert ("Sudan", SAME_NAME) in _words(tokenizer, "The capital of South Sudan is")
    assert ("Sudan", APART) in _words(tokenizer, "The capital of Sudan is")


def test_the_last_word_is_what_more_than_white_space_stands_at() -> None:
    word, blank, line, stop = OPEN, SPACE, STOP | SPACE, STOP
    flags = torch.tensor(
        [[word, word, blank, line], [word, stop, line, line], [blank, line, blank, word], [blank] * 4],
        dtype=torch.uint8,
    )
    seen = torch.tensor([[True] * 4, [True] * 4, [True, True, True, False], [True] * 4])
    assert last_word(flags, seen).tolist() == [[1], [1], [2], [3]]
    assert last_word(flags[:1], torch.tensor([[False, True, True, True]])).tolist() == [[0]]
    assert last_word(flags[:1], torch.zeros(1, 4, dtype=torch.bool)).tolist() == [[-1]]


def test_new_lines_part_names_as_sentences_do() -> None:
    tokenizer = _trained("bytes")
    ids = tokenizer("a\n\nb", add_special_tokens=False)["input_ids"]
    flags = token_flags(tokenizer)[torch.tensor(ids)]
    assert [int(flag) for flag in flags if flag & SPACE] and all(flag & STOP for flag in flags if flag & SPACE)


def test_scripts_without_capitals_say_nothing() -> None:
    tokenizer = _trained("bytes")
    ids = tokenizer("中国的首都是", add_special_tokens=False)["input_ids"]
    assert (join_before(token_flags(tokenizer)[torch.tensor(ids)]) == APART).all()


def test_what_stands_behind() -> None:
    name, space, stop = CAPITAL | OPEN, SPACE, 0
    flags = torch.tensor([stop, name, name, stop, name, space, name | GOES_ON, GOES_ON], dtype=torch.uint8)
    assert join_before(flags).tolist() == [0, 0, SAME_NAME, 0, 0, 0, SAME_NAME, SAME_WORD]
    followed, spaced = join_behind(flags, join_before(flags))
    assert followed.tolist() == [0, SAME_NAME, 0, 0, SAME_NAME, SAME_NAME, SAME_WORD, 0]
    assert spaced.tolist() == [False] * 4 + [True] + [False] * 3


def test_rows_are_looked_at_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    flags = torch.randint(0, 256, (5, 7), generator=generator, dtype=torch.uint8)
    assert torch.equal(join_before(flags), torch.stack([join_before(row) for row in flags]))
    assert join_before(flags[:, :0]).shape == (5, 0)


WORD = GOES_ON | OPEN


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        # "What is the capital of France?"
        ([CAPITAL | OPEN, OPEN, OPEN, OPEN, OPEN, CAPITAL | OPEN, STOP], range(5, 6)),
        # "Is Paris in New Zealand?", the last name of three tokens.
        ([CAPITAL | OPEN, CAPITAL | OPEN, OPEN, CAPITAL | OPEN, CAPITAL | OPEN, WORD, STOP], range(3, 6)),
        # The first word of a sentence is capital whatever it is.
        ([CAPITAL | OPEN, OPEN, OPEN, STOP], range(0)),
        ([], range(0)),
    ],
)
def test_the_longest_name_of_a_sentence(flags: list[int], name: range) -> None:
    assert name_in(flags) == name
