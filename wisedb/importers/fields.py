"""Fields of a record, checked one by one, so that a problem can name the field as the file spells it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wisedb.edits import LocalityPrompt

Record = Mapping[str, Any]

_SLOT = re.compile(r"\{\s*(?:0|subject)?\s*\}")
"""Where a template's subject goes, as ROME's requests have it."""

_PROMPTS = ("prompt", "loc", "question", "new_question")
_ANSWERS = ("answer", "loc_ans", "ground_truth", "new_answer", "target")
# What published questions say of themselves beside prompt and answer.
_BESIDE = frozenset({"recalled_relation", "answer_alias", "cloze", "relation", "id", "subject"})


class FieldProblem(Exception):
    """What is wrong with which field; becomes a ``BadRecord`` where file and record are known."""

    def __init__(self, field: str | None, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def absent(value: Any) -> bool:
    """Whether a value is what a table writes where nothing is: ``null``, or a number that is none."""
    return value is None or (isinstance(value, float) and value != value)


class Fields:
    """A record, and which of its fields somebody has asked for.

    Args:
        record: the record as the file has it.
        spelling: folded names, each with its spelling there; fields that aren't named don't count.
        within: what stands before the names of its fields where they are told to people.
        left: where the names of fields go that an edit has no place for.
    """

    def __init__(
        self, record: Record, spelling: Mapping[str, str], within: str = "", left: list[str] | None = None
    ) -> None:
        self._record = record
        self._spelling = spelling
        self._within = within
        self._left: list[str] = [] if left is None else left
        self._asked: set[str] = set()

    def names(self) -> frozenset[str]:
        """The folded names of what is there, and not absent."""
        return frozenset(name for name, spelt in self._spelling.items() if not absent(self._record[spelt]))

    def get(self, name: str) -> Any:
        """A field's value, ``None`` where it isn't there."""
        self._asked.add(name)
        return self._record[self._spelling[name]] if name in self._spelling else None

    def structure(self, name: str) -> Any:
        """A field's value; where it is a text that holds a list or an object, that."""
        return _listed(self.get(name))

    def spelt(self, name: str) -> str:
        """A field's name as the file spells it."""
        return self._spelling.get(name, name)

    def text(self, *names: str) -> str | None:
        """The one text that stands in a field or in one of its other names, without white space around it.

        Raises:
            FieldProblem: it is no text, or several.
        """
        found = self._one(names)
        return None if found is None else found[1].strip()

    def required(self, *names: str) -> str:
        """The one text of a field, which must be there and not be empty; as it stands.

        Raises:
            FieldProblem: it isn't there, is empty, no text, or several.
        """
        found = self._one(names)
        if found is not None:
            return found[1]
        there = next((name for name in names if name in self._spelling), None)
        if there is None:
            near = difflib.get_close_matches(names[0], [name for name in self._spelling if name not in self._asked], 1)
            raise FieldProblem(names[0], "is missing" + (f"; is it '{self._spelling[near[0]]}'?" if near else ""))
        raise FieldProblem(self.spelt(there), "is empty")

    def texts(self, *names: str) -> tuple[str, ...]:
        """The texts of several fields, each a text or a list of texts; empty ones left out, each once."""
        found = (text for name in names for text in flat_texts(self.structure(name), self.spelt(name)))
        return tuple(dict.fromkeys(text for text in found if text.strip()))

    def questions(self, *names: str) -> tuple[LocalityPrompt, ...]:
        """Prompts with their answers from several fields, in any of the shapes in use; see :func:`questions`."""
        found = (item for name in names for item in questions(self.structure(name), self.spelt(name)))
        return tuple(dict.fromkeys(found))

    def pairs(self, prompts: str, answers: str) -> tuple[LocalityPrompt, ...]:
        """Prompts and their answers from two fields, each a text or a list of texts.

        Raises:
            FieldProblem: the lists differ in length, or there are answers to nothing.
        """
        asked, said = self.structure(prompts), self.structure(answers)
        found = tuple(_paired(asked, said, self.spelt(prompts), self.spelt(answers)))
        if not found and any(text.strip() for text in flat_texts(said, self.spelt(answers))):
            raise FieldProblem(self.spelt(answers), f"is there without '{prompts}'")
        return found

    def neighbours(self, prompts: Iterable[str], truth: str | None) -> tuple[LocalityPrompt, ...]:
        """Prompts whose true answer is the edit's old one."""
        return tuple(LocalityPrompt(text, truth) for text in prompts)

    def with_values(self, values: Mapping[str, Any]) -> Fields:
        """The same record with other values of some of its fields, or further ones."""
        kept = {name: self._record[spelt] for name, spelt in self._spelling.items() if name not in values}
        spelling = {**self._spelling, **{name: name for name in values}}
        made = Fields({**{spelling[name]: value for name, value in kept.items()}, **values}, spelling)
        made._asked = self._asked
        return made

    def inside(self, name: str) -> list[Fields]:
        """The objects in a field: one, or a list of them.

        Raises:
            FieldProblem: it holds something else, or nothing.
        """
        value = self.structure(name)
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        if not items or not all(isinstance(item, Mapping) for item in items):
            raise FieldProblem(self.spelt(name), "must be an object, or a list of objects")
        within = f"{self.spelt(name)}."
        return [Fields(item, {str(key).casefold(): str(key) for key in item}, within, self._left) for item in items]

    def check(self, left_out: Iterable[str] = ()) -> tuple[str, ...]:
        """The fields that nobody asked for, of those that may be left out; those of the objects inside too.

        Raises:
            FieldProblem: a field is neither asked for nor may be left out; names the nearest that is known.
        """
        there = self.names()
        rest = [name for name in self._spelling if name in there and name not in self._asked]
        may = frozenset(left_out)
        for name in rest:
            if name not in may:
                near = difflib.get_close_matches(name, sorted(self._asked | may), 1)
                problem = "is no field of an edit" + (f"; is it '{near[0]}'?" if near else "")
                raise FieldProblem(self._spelling[name], problem)
        self._left.extend(f"{self._within}{self._spelling[name]}" for name in rest)
        return tuple(dict.fromkeys(self._left))

    def _one(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        found: tuple[str, str] | None = None
        for name in names:
            spelt = self.spelt(name)
            given = [text for text in flat_texts(_unwrapped(self.get(name)), spelt) if text.strip()]
            if len(given) > 1:
                raise FieldProblem(spelt, f"is a list of {len(given)} texts where one belongs: write a record for each")
            if given and found is not None and given[0].strip() != found[1].strip():
                raise FieldProblem(spelt, f"says something else than '{found[0]}'")
            if given and found is None:
                found = spelt, given[0]
        return found


def first(value: Any, field: str) -> str | None:
    """The first of several accepted spellings of one answer: it stands for all."""
    return next((text.strip() for text in flat_texts(value, field) if text.strip()), None)


def filled(prompt: str, subject: str | None, field: str) -> str:
    """A template with its subject in the place of ``{}``; any other prompt as it is.

    Raises:
        FieldProblem: there is no subject to put there, or it stands in the prompt already.
    """
    if not _SLOT.search(prompt):
        return prompt
    if subject is None:
        raise FieldProblem(field, "has a {} and there is no subject to put there")
    if subject in _SLOT.sub("", prompt):
        raise FieldProblem(field, "has a {} beside the subject itself: which of them is meant?")
    return _SLOT.sub(lambda _: subject, prompt)


def questions(value: Any, field: str) -> Iterator[LocalityPrompt]:
    """Prompts in any of the shapes in use.

    A prompt; ``{prompt, answer}`` under the names of any layout, also with parallel lists in it; a list of these; or
    named groups of these.

    Raises:
        FieldProblem: it is something else.
    """
    if isinstance(value, Mapping):
        given = {str(key).casefold().replace(" ", "_"): item for key, item in value.items() if not absent(item)}
        prompt = next((name for name in _PROMPTS if name in given), None)
        if prompt is not None:
            answer = next((name for name in _ANSWERS if name in given), "answer")
            if more := sorted(set(given) - {prompt, answer} - _BESIDE):
                raise FieldProblem(field, f"has an item with '{more[0]}', beside '{prompt}' and '{answer}'")
            yield from _paired(given[prompt], given.get(answer), field, field)
        else:
            for group in value.values():
                yield from questions(group, field)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from questions(item, field)
    elif not absent(value):
        yield from _paired(value, None, field, field)


def _paired(prompts: Any, answers: Any, prompt_field: str, answer_field: str) -> Iterator[LocalityPrompt]:
    if isinstance(prompts, (list, tuple)):
        listed = answers if isinstance(answers, (list, tuple)) else [answers] * len(prompts)
        if len(listed) != len(prompts):
            raise FieldProblem(answer_field, f"has {len(listed)} answers for {len(prompts)} prompts")
        for prompt, answer in zip(prompts, listed, strict=True):
            yield from _paired(prompt, answer, prompt_field, answer_field)
        return
    for prompt in flat_texts(prompts, prompt_field):
        if prompt.strip():
            yield LocalityPrompt(prompt, first(answers, answer_field))


def flat_texts(value: Any, field: str) -> Iterable[str]:
    """The texts in a text, a list, or a list of lists.

    Raises:
        FieldProblem: there is something else in it.
    """
    if absent(value):
        return
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise FieldProblem(field, "holds half of a surrogate pair, which is no character") from error
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flat_texts(item, field)
    else:
        raise FieldProblem(field, f"must be a text, not {_kind(value)}")


def _unwrapped(value: Any) -> Any:
    """ROME's layout nests its texts: ``{"str", "id"}``."""
    if isinstance(value, Mapping) and "str" in value:
        return value["str"]
    return [_unwrapped(item) for item in value] if isinstance(value, (list, tuple)) else value


def _listed(value: Any) -> Any:
    """A list or an object that was written into a text, as tables that can't nest have it."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            found = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return value
        return found if isinstance(found, (list, dict)) else value
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return f"the number {value} (put it in quotes)"
    return "an object" if isinstance(value, Mapping) else type(value).__name__
