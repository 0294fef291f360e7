"""Where a prompt ends and an answer begins, for byte-level, SentencePiece-like and word-level tokenizers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.models import BOS, EOS, tiny_tokenizer
from wisedb.model.tokens import encode_pair, encode_prompt, joined, pad_batch

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CORPUS = ["The capital of France is Paris .", "The capital of Australia is Canberra .", "Who wrote it ? Hamlet"] * 8


def _sentencepiece() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    backend.train_from_iterator(CORPUS, trainers.BpeTrainer(special_tokens=["<unk>", "<s>", "</s>"], vocab_size=90))
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def _words() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.train_from_iterator(CORPUS, trainers.WordLevelTrainer(special_tokens=["<unk>", "</s>"]))
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")


TOKENIZERS = {
    "bytes": tiny_tokenizer,
    "bos": lambda: tiny_tokenizer(bos=True),
    "pieces": _sentencepiece,
    "words": _words,
}


@pytest.mark.parametrize("kind", sorted(TOKENIZERS))
def test_the_prompt_is_always_the_same_and_the_answer_reads_right(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    prompt, target = "The capital of France is", "Paris"
    prompt_ids, target_ids = encode_pair(tokenizer, prompt, target, end=True)
    assert prompt_ids == encode_prompt(tokenizer, prompt)
    assert prompt_ids[-1] != tokenizer.eos_token_id
    assert target_ids[-1] == tokenizer.eos_token_id
    assert target_ids.count(tokenizer.eos_token_id) == 1
    text = tokenizer.decode(prompt_ids + target_ids, skip_special_tokens=True)
    assert text == (f"{prompt} {target}".lower() if kind == "words" else f"{prompt} {target}")
    assert encode_pair(tokenizer, prompt, target, end=False)[1] == target_ids[:-1]


TINY = tiny_tokenizer(bos=True)


@given(TEXT, TEXT)
def test_any_text_reads_back(prompt: str, target: str) -> None:
    prompt_ids, target_ids = encode_pair(TINY, prompt, target, end=True)
    assert prompt_ids == encode_prompt(TINY, prompt) == TINY(prompt)["input_ids"]
    assert prompt_ids[0] == BOS
    assert target_ids[-1] == EOS
    assert len(target_ids) > 1
    assert TINY.decode(prompt_ids[1:] + target_ids[:-1]) == joined(prompt, target)


@pytest.mark.parametrize(
    ("prompt", "target", "text"),
    [
        ("It is", "Paris", "It is Paris"),
        ("It is ", "Paris", "It is Paris"),
        ("He said (", "yes", "He said (yes"),
        ("He said “", "yes", "He said “yes"),
        ("Stop", ".", "Stop."),
        ("Runs on", ".NET", "Runs on .NET"),
        ("法国的首都是", "巴黎", "法国的首都是巴黎"),
        ("フランスの首都は", "パリ", "フランスの首都はパリ"),
        ("法国的首都是", "Paris", "法国的首都是 Paris"),
        ("法国的首都是哪里？", "巴黎", "法国的首都是哪里？巴黎"),
        ("首都：", "Paris", "首都：Paris"),
        ("프랑스의 수도는", "파리", "프랑스의 수도는 파리"),
    ],
)
def test_the_gap_is_a_writer_s(prompt: str, target: str, text: str) -> None:
    assert joined(prompt, target) == text


def test_a_token_across_the_boundary_is_not_taken() -> None:
    backend = Tokenizer.from_str(tiny_tokenizer().backend_tokenizer.to_str())
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", pad_token="<pad>")
    tokenizer.add_tokens([AddedToken("is x", normalized=False)])
    assert tokenizer("it is xy")["input_ids"][-2] == len(tokenizer) - 1
    prompt_ids, target_ids = encode_pair(tokenizer, "it is", "xy", end=False)
    assert prompt_ids == encode_prompt(tokenizer, "it is")
    assert tokenizer.decode(prompt_ids + target_ids) == "it is xy"


def test_an_end_token_written_in_the_prompt_stays() -> None:
    tokenizer = _sentencepiece()
    assert encode_prompt(tokenizer, "it is</s>")[-1] == tokenizer.eos_token_id
    assert encode_prompt(tokenizer, "it is")[-1] != tokenizer.eos_token_id


@given(st.lists(st.lists(st.integers(3, 9), max_size=5), max_size=4), st.sampled_from(["left", "right"]))
def test_a_batch_holds_every_sequence(sequences: list[list[int]], side: str) -> None:
    ids, mask = pad_batch(sequences, 0, side)  # type: ignore[arg-type]
    assert ids.shape == mask.shape == (len(sequences), max(map(len, sequences), default=0))
    assert ids.dtype == mask.dtype == torch.int64
    for row, sequence in enumerate(sequences):
        assert ids[row][mask[row].bool()].tolist() == sequence
        assert (ids[row][~mask[row].bool()] == 0).all()
        if sequence:
            assert mask[row][-1 if side == "left" else 0] == 1
