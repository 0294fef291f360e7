"""How it is asked: forms in which an edit's fact is asked, as people write.

Where words behind the prompt would be read as the answer, only a prompt that ends with a question mark has the form.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from wisedb.edits import Edit
from wisedb.model.chat import Message, user
from wisedb.serving.asked import Prompt
from wisedb.serving.forms.form import SENTENCES, Form, Make, said, told
from wisedb.serving.forms.others import Others
from wisedb.serving.forms.wording import is_question, lower_first, mistyped, possessive, subject_in, without_mark


def _written(change: Callable[[str], str], *, questions: bool = False) -> Make:
    """The prompt, changed as a text; of questions only where ``questions`` says so."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        return None if questions and not is_question(edit.prompt) else change(edit.prompt)

    return make


def _other_word(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    return mistyped(edit.prompt, chooser, outside=subject_in(edit))


def _subject(change: Callable[[str, Random], str | None]) -> Make:
    """The prompt with its subject changed as a text."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        subject = subject_in(edit)
        changed = None if subject is None else change(subject, chooser)
        return None if subject is None or changed in (None, subject) else edit.prompt.replace(subject, str(changed), 1)

    return make


def _quoted(edit: Edit, others: Others, chooser: Random) -> Prompt:
    # An open end is continued inside the quotation marks.
    return f'"{edit.prompt}"' if is_question(edit.prompt) else f'"{edit.prompt}'


def _told_to(edit: Edit, others: Others, chooser: Random) -> Prompt:
    what = "Answer the following question" if is_question(edit.prompt) else "Complete the following sentence"
    return f"{what}: {edit.prompt}"


def _smiling(edit: Edit, others: Others, chooser: Random) -> Prompt:
    return f"{edit.prompt} 🙂" if is_question(edit.prompt) else f"🙂 {edit.prompt}"


def _behind_a_sentence(edit: Edit, others: Others, chooser: Random) -> Prompt:
    return f"{chooser.choice(SENTENCES)} {edit.prompt}"


def _before_a_sentence(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    return f"{edit.prompt} {chooser.choice(SENTENCES)}" if is_question(edit.prompt) else None


def _between_sentences(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    before, behind = chooser.sample(SENTENCES, 2)
    return f"{before} {edit.prompt} {behind}" if is_question(edit.prompt) else None


def _behind_facts(template: str, between: str, last: str, count: int) -> Make:
    """The prompt behind other questions that are answered already."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        facts = others.facts(edit, chooser, count)
        lines = [template.format(question, answer, number=number) for number, (question, answer) in enumerate(facts, 1)]
        asked = last.format(edit.prompt, number=count + 1)
        return between.join([*lines, asked]) if len(facts) == count else None

    return make


def _behind_a_mention(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    other = others.subject(edit, chooser)
    return None if other is None else f"{other} was in the news today. {edit.prompt}"


def _turns(count: int) -> Make:
    """The prompt as a later turn of a conversation, behind so many others."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        facts = others.facts(edit, chooser, count)
        before = [message for question, answer in facts for message in (user(question), said(f"{answer}."))]
        return (*before, user(edit.prompt)) if len(facts) == count else None

    return make


def _behind(*messages: Message) -> Make:
    """The prompt behind these messages."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt:
        return (*messages, user(edit.prompt))

    return make


def _behind_a_system_mention(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    other = others.subject(edit, chooser)
    return None if other is None else (told(f"The user has read about {other}."), user(edit.prompt))


def _again(edit: Edit, others: Others, chooser: Random) -> Prompt:
    return user(edit.prompt), said(f"{edit.target}."), user(edit.prompt)


def _again_behind_the_old(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    old = edit.ground_truth
    return None if not old else (user(edit.prompt), said(f"{old}."), user(edit.prompt))


PLAIN: Final = Form("as it is", _written(lambda prompt: prompt))
"""What every other form is held against."""

HOW_ASKED: Final[tuple[Form, ...]] = (
    PLAIN,
    Form("a space behind", _written(lambda prompt: f"{prompt} ")),
    Form("a line end behind", _written(lambda prompt: f"{prompt}\n")),
    Form("lower case", _written(str.lower)),
    Form("UPPER CASE", _written(str.upper)),
    Form("double spaces", _written(lambda prompt: prompt.replace(" ", "  "))),
    Form("no question mark", _written(without_mark, questions=True)),
    Form("three question marks", _written(lambda prompt: f"{prompt}??", questions=True)),
    Form("Q: … A:", _written(lambda prompt: f"Q: {prompt} A:")),
    Form("Question: … Answer:, two lines", _written(lambda prompt: f"Question: {prompt}\nAnswer:")),
    Form("a typing mistake in another word", _other_word),
    Form("a typing mistake in the subject", _subject(mistyped)),
    Form("the subject in small letters", _subject(lambda subject, _: subject.lower())),
    Form("the subject in bold type", _subject(lambda subject, _: f"**{subject}**")),
    Form("possessive", lambda edit, others, chooser: possessive(edit)),
    Form("Please tell me: …", _written(lambda prompt: f"Please tell me: {prompt}")),
    Form("I was wondering, …", lambda edit, others, chooser: f"I was wondering, {lower_first(edit)}"),
    Form("told to answer", _told_to),
    Form("behind a greeting", _written(lambda prompt: f"Hello! {prompt}")),
    Form("Thanks! behind", _written(lambda prompt: f"{prompt} Thanks!", questions=True)),
    Form("with an emoji", _smiling),
    Form("in quotation marks", _quoted),
    Form("behind a sentence", _behind_a_sentence),
    Form("in front of a sentence", _before_a_sentence),
    Form("between two sentences", _between_sentences),
    Form("behind a mention of another subject", _behind_a_mention),
    Form("behind another question, answered", _behind_facts("{} {}.", " ", "{}", 1)),
    Form("in a numbered list", _behind_facts("{number}. {} {}", "\n", "{number}. {}", 1)),
    Form("few-shot, behind two pairs", _behind_facts("Q: {} A: {}", "\n", "Q: {} A:", 2)),
    Form("a user's message", _behind(), "chat"),
    Form("a system message", _behind(told("You are a helpful assistant.")), "chat", system=True),
    Form("a system message on another subject", _behind_a_system_mention, "chat", system=True),
    Form("behind small talk", _behind(user("Hello!"), said("Hello! How can I help you today?")), "chat"),
    Form("the second turn", _turns(1), "chat"),
    Form("the third turn", _turns(2), "chat"),
    Form("asked again", _again, "chat"),
    Form("asked again behind the old answer", _again_behind_the_old, "chat"),
)
"""The table, in its order, the plain form first."""
