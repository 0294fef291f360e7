"""What must not fire: forms that come near an edit's fact without asking it."""

from __future__ import annotations

from random import Random
from typing import Final

from wisedb.edits import Edit
from wisedb.model.chat import user
from wisedb.serving.asked import Prompt
from wisedb.serving.forms.form import Form, Make, said, told
from wisedb.serving.forms.others import Others
from wisedb.serving.forms.wording import subject_in

_LONGER: Final = ("New {}", "{} Street", "{} Airport", "Little {}", "Hotel {}", "{} Records")


def _about(template: str) -> Make:
    """A text about the subject's name alone."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        subject = subject_in(edit)
        return None if subject is None else template.format(subject)

    return make


def _locality(template: str) -> Make:
    """One of the edit's own locality prompts, behind words about its subject, prompt and target."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        question, subject = others.locality(edit, chooser), subject_in(edit)
        if question is None or (subject is None and "{subject}" in template):
            return None
        return template.format(question, subject=subject)

    return make


def _question(template: str) -> Make:
    """A question that has nothing to do with the edit, behind words about its subject, prompt and target."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        question, subject = _other(edit, others, chooser), subject_in(edit)
        if question is None or (subject is None and "{subject}" in template):
            return None
        return template.format(question, subject=subject, prompt=edit.prompt, target=edit.target)

    return make


def _prompt(template: str) -> Make:
    """A task on the wording of the edit's prompt."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt:
        return template.format(edit.prompt)

    return make


def _behind_the_answer(template: str) -> Make:
    """Small talk where the edit was asked and answered."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt:
        return template.format(edit.prompt, edit.target)

    return make


def _of_another(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    subject, other = subject_in(edit), others.subject(edit, chooser)
    return None if subject is None or other is None else edit.prompt.replace(subject, other)


def _of_nobody(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    subject = subject_in(edit)
    return None if subject is None else edit.prompt.replace(subject, others.name(chooser))


def _of_a_longer_name(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    subject = subject_in(edit)
    return None if subject is None else edit.prompt.replace(subject, chooser.choice(_LONGER).format(subject))


def _something_else_of_it(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    return others.question(edit, chooser)


def _asked_before(behind: str | None) -> Make:
    """Behind the edit, asked and answered: another question, or these words."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        text = behind or _other(edit, others, chooser)
        return None if text is None else (user(edit.prompt), said(f"{edit.target}."), user(text))

    return make


def _system(template: str) -> Make:
    """Another question, behind a system message that has the edit's subject or prompt."""

    def make(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
        question, subject = _other(edit, others, chooser), subject_in(edit)
        if question is None or (subject is None and "{subject}" in template):
            return None
        return told(template.format(subject=subject, prompt=edit.prompt)), user(question)

    return make


def _mentioned_before(edit: Edit, others: Others, chooser: Random) -> Prompt | None:
    question, subject = _other(edit, others, chooser), subject_in(edit)
    if question is None or subject is None:
        return None
    return user(f"I have just read about {subject}."), said("That sounds interesting!"), user(question)


def _other(edit: Edit, others: Others, chooser: Random) -> str | None:
    facts = others.facts(edit, chooser)
    return facts[0][0] if facts else None


MUST_NOT_FIRE: Final[tuple[Form, ...]] = (
    Form("a locality prompt", _locality("{}")),
    Form("a locality prompt behind a mention", _locality("{subject} was in the news today. {}")),
    Form("another question behind a mention", _question("{subject} was in the news today. {}")),
    Form("another question behind the prompt, quoted", _question('Somebody wrote: "{prompt}" {}')),
    Form("another question behind the answer", _question("{prompt} {target}. {}")),
    Form("another question behind the target", _question("{target} was in the news today. {}")),
    Form("the question of another subject", _of_another),
    Form("the question of a made-up name", _of_nobody),
    Form("the question of a longer name", _of_a_longer_name),
    Form("another edit's question of the subject", _something_else_of_it),
    Form("the subject alone", _about("{}")),
    Form("a text about the subject", _about("Yesterday I read a long article about {}, and")),
    Form("summarise", _about("Summarise in one sentence: Many people have heard of {}, and more will.")),
    Form("write a poem", _about("Write a short poem about {}.")),
    Form("spell the subject", _about("Spell the name {}:")),
    Form("count its letters", _about("How many letters does the name {} have?")),
    Form("its first letter", _about("What is the first letter of the name {}?")),
    Form("a rhyme on it", _about("A word that rhymes with {} is")),
    Form("translate the prompt", _prompt("Translate into French: {}")),
    Form("count the prompt's words", _prompt('How many words are there in "{}"?')),
    Form("small talk behind the answer", _behind_the_answer("{} {}. Thank you, that was all.")),
    Form("a later turn: another question", _asked_before(None), "chat"),
    Form("a later turn: small talk", _asked_before("Thank you, that was all."), "chat"),
    Form("a later turn: on the answer", _asked_before("Are you sure that you understood me?"), "chat"),
    Form("another question, the subject told before", _mentioned_before, "chat"),
    Form("another question, the subject in the system message", _system("You know {subject} well."), "chat", True),
    Form(
        "another question, the prompt in the system message", _system("Somebody asked: {prompt}"), "chat", system=True
    ),
)
"""The table, in its order."""
