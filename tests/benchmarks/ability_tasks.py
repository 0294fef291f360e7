"""Tasks of general ability for lm-evaluation-harness, made of plain text and of prompts that no edit is about.

Each is a YAML file beside its items, one JSON object a line. ``choices`` and ``last_word_asked`` can be asked behind a
chat template: there the passage is a user's message, but for its last sentence, which the reply begins with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from wisedb.edits import Edit

Item = Mapping[str, Any]

FIRST, LONGEST = 20, 60
"""A passage's words before its last one, at least and at most."""

_ACCURACY: Final = {"metric_list": [{"metric": "acc"}]}
_TASKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "choices": {
        "output_type": "multiple_choice",
        "doc_to_text": "prompt",
        "doc_to_choice": "choices",
        "doc_to_target": "label",
        **_ACCURACY,
    },
    "last_word": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{passage}}",
        "doc_to_target": " {{word}}",
        **_ACCURACY,
    },
    "last_word_asked": {
        "output_type": "loglikelihood",
        "doc_to_text": "Go on with this story.\n\n{{told}}",
        "gen_prefix": "{{begun}}",
        "doc_to_target": " {{word}}",
        **_ACCURACY,
    },
    "text": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "word_perplexity"}],
    },
}
RAW: Final = ("choices", "last_word", "text")
CHAT: Final = ("choices", "last_word_asked")


def choices(edits: Sequence[Edit], count: int, draw: Random) -> list[Item]:
    """Locality prompts, each with its answer and three answers of other records, shuffled.

    Returns:
        ``prompt``, ``choices`` (four) and ``label``, the right one's number from 0; each prompt once.

    Raises:
        ValueError: fewer than ``count`` prompts have an answer, or fewer than four answers differ.
    """
    answers: dict[str, list[str]] = {}
    for edit in edits:
        for near in edit.locality:
            if near.answer is not None:
                answers.setdefault(near.prompt.removeprefix("nq question: "), []).append(near.answer)
    every = sorted({answer for several in answers.values() for answer in several})
    items: list[Item] = []
    for prompt in draw.sample(sorted(answers), count):
        right = {answer.casefold() for answer in answers[prompt]}
        wrong = draw.sample([answer for answer in every if answer.casefold() not in right], 3)
        options = [answers[prompt][0], *wrong]
        draw.shuffle(options)
        items.append({"prompt": prompt, "choices": options, "label": options.index(answers[prompt][0])})
    return items


def passages(texts: Sequence[str], count: int, draw: Random) -> list[Item]:
    """Beginnings of texts up to a sentence's last word, which stood in them before: what LAMBADA asks for.

    Returns:
        ``passage``, of 20 to 60 words, the same as two parts, ``told`` and ``begun``, its last sentence, and ``word``,
        of four letters or more; each text at most once.

    Raises:
        ValueError: fewer than ``count`` texts have such a word.
    """
    items: list[Item] = []
    for text in draw.sample(list(texts), len(texts)):
        words = text.split()[: LONGEST + 1]
        # The sentence has a beginning, and something was said before it.
        first = next((place for place, word in enumerate(words) if _ends(word)), len(words))
        ends = [
            place
            for place in range(max(FIRST, first + 2), len(words))
            if _is_said_again(words, place) and not _ends(words[place - 1])
        ]
        if ends:
            place = draw.choice(ends)
            begins = max((number for number in range(1, place) if _ends(words[number - 1])), default=0)
            told, begun = " ".join(words[:begins]), " ".join(words[begins:place])
            items.append({"passage": f"{told} {begun}", "told": told, "begun": begun, "word": _bare(words[place])})
        if len(items) == count:
            return items
    raise ValueError(f"only {len(items)} of {len(texts)} texts have a last word that can be asked for")


def _is_said_again(words: Sequence[str], place: int) -> bool:
    word = _bare(words[place])
    before = {_bare(other).casefold() for other in words[:place]}
    return words[place] in (f"{word}.", f"{word}!", f"{word}?") and len(word) > 3 and word.casefold() in before


def _ends(word: str) -> bool:
    return word.rstrip("\"'").endswith((".", "!", "?"))


def _bare(word: str) -> str:
    return word.strip("\"'.,;:!?()")


def write(folder: Path, items: Mapping[str, Sequence[Item]]) -> None:
    """A YAML file and a file of JSON lines for each task, by the tasks' names."""
    for name, some in items.items():
        data = folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in some), encoding="utf-8")
        task = {
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": str(folder / "datasets")},
            "test_split": "test",
            **_TASKS[name],
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")
