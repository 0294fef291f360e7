"""Keys and tokens in the texts of edits: what is pushed is published, and can't be taken back.

The patterns are those of ``detect-secrets``, and those of a few services that it doesn't know. Entropy alone says
nothing about facts (names, formulas, sequences), so only shapes that belong to a service, and passwords that are given
as such, are looked for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from detect_secrets import plugins
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector

if TYPE_CHECKING:
    from wisedb.edits import Edit

# Entropy and addresses: a fact may well be about either.
_LEFT_OUT: Final = frozenset({"base", "high_entropy_strings", "ip_public"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What looks like a secret.

    Attributes:
        edit: the edit's id.
        field: where in it: ``prompt``, ``target``, ``rephrases[0]``, ….
        kind: what it looks like (``AWS Access Key``). The secret itself is in no field, so that none is printed.
    """

    edit: str
    field: str
    kind: str


class _Services(RegexBasedDetector):
    secret_type = "Service Token"
    denylist = (
        re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),  # Hugging Face
        re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}"),  # Anthropic
        re.compile(r"\bsk-proj-[A-Za-z0-9_-]{20,}"),  # OpenAI, by project
        re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),  # Google
        re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}\b"),
        re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{20,}"),
    )


def scan(edits: Iterable[Edit]) -> list[Finding]:
    """Everything in the edits that looks like a key, a token or a password, in the edits' order.

    A secret that several patterns match is told once for each field, by the first of them.
    """
    detectors = _detectors()
    found: list[Finding] = []
    for edit in edits:
        for field, text in _texts(edit):
            kind = next((detector.secret_type for detector in detectors if _matches(detector, text)), None)
            if kind is not None:
                found.append(Finding(edit.id, field, kind))
    return found


def _texts(edit: Edit) -> Iterator[tuple[str, str]]:
    for name in ("prompt", "target", "subject", "ground_truth", "source", "reason"):
        text = getattr(edit, name)
        if text:
            yield name, text
    for number, text in enumerate(edit.rephrases):
        yield f"rephrases[{number}]", text
    for number, each in enumerate(edit.locality):
        yield f"locality[{number}]", f"{each.prompt}\n{each.answer or ''}"
    for number, text in enumerate(edit.tags):
        yield f"tags[{number}]", text
    for number, message in enumerate(edit.messages):
        yield f"messages[{number}]", message.content


def _matches(detector: BasePlugin, text: str) -> bool:
    # A generator, whose first finding is enough; the patterns of the library are meant for single lines.
    return any(True for line in text.splitlines() for _ in detector.analyze_string(line))


def _detectors() -> tuple[BasePlugin, ...]:
    found: list[BasePlugin] = [_Services()]
    for module in sorted(pkgutil.iter_modules(plugins.__path__), key=lambda module: module.name):
        if module.name in _LEFT_OUT:
            continue
        home = importlib.import_module(f"{plugins.__name__}.{module.name}")
        for value in vars(home).values():
            if inspect.isclass(value) and value.__module__ == home.__name__ and issubclass(value, BasePlugin):
                found.append(value())
    return tuple(found)
