"""Keys and tokens in what is pushed: it is published, and can't be taken back.

The patterns are those of ``detect-secrets``, and those of a few services that it doesn't know. Entropy alone says
nothing about facts (names, formulas, sequences), so only shapes that belong to a service, and passwords that are given
as such, are looked for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detect_secrets import plugins
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector

from wisedb.errors import SecretsFound
from wisedb.sharing.outgoing_texts import Text

# Entropy and addresses: a fact may well be about either.
_LEFT_OUT: Final = frozenset({"base", "high_entropy_strings", "ip_public"})
_SHORTEST: Final = 8  # characters of anything that is looked for
_REMEMBERED: Final = 100
_LISTED: Final = 10
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
# Letters and marks that are drawn as nothing: fillers, selectors, joiners.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What looks like a secret.

    Attributes:
        where: what it stands in: ``edit 0123456789ab``, ``commit …``, ``the manifest``.
        field: where in it: ``prompt``, ``rephrases[0]``, ``message``, ….
        kind: what it looks like (``AWS Access Key``). The secret itself is in no field, so that none is printed.
    """

    where: str
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


def scan(texts: Iterable[Text]) -> list[Finding]:
    """Everything in the texts that looks like a key, a token or a password, in their order.

    A secret that several patterns match is told once for each field, by the first of them. A field's name may hold it
    as well, and is then not told either.
    """
    detectors = _detectors()
    found: list[Finding] = []
    harmless: set[str] = set()  # the same names and settings stand in every commit
    for where, field, text in texts:
        if len(text) < _SHORTEST or text in harmless:
            continue
        kind = _kind(detectors, text)
        if kind is not None:
            found.append(Finding(where, "a name" if _kind(detectors, field) else field, kind))
        elif len(text) < _REMEMBERED:
            harmless.add(text)
    return found


def refuse_secrets(texts: Iterable[Text]) -> None:
    """Refuse to publish texts in which something looks like a secret.

    Raises:
        SecretsFound: names where, and what it looks like.
    """
    found = scan(texts)
    if found:
        listed = "; ".join(f"{each.where}, {each.field}: {each.kind}" for each in found[:_LISTED])
        rest = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise SecretsFound(
            f"nothing was sent, since it holds what looks like a secret: {listed}{rest}",
            hint="Revoke the secret and make the commits anew without it, or --allow-secrets if it is none.",
        )


def visible(text: str) -> str:
    """The text as it is read: letters in their usual form, and nothing in between that isn't seen.

    Compatibility forms (NFKC) make full-width letters and the like plain ones; format characters, control characters
    and fillers go, line feeds stay.
    """
    if text.isascii():
        return _CONTROL.sub("", text)
    return _UNSEEN.sub("", "".join(letter for letter in unicodedata.normalize("NFKC", text) if _is_seen(letter)))


def _is_seen(letter: str) -> bool:
    return letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp", "Cn", "Co", "Cs")


def _kind(detectors: Iterable[BasePlugin], text: str) -> str | None:
    # As it stands too: what is taken out could be a part of it.
    forms = dict.fromkeys((visible(text), text))
    return next((each.secret_type for each in detectors for form in forms if _matches(each, form)), None)


def _matches(detector: BasePlugin, text: str) -> bool:
    # A generator, whose first finding is enough; the patterns of the library are meant for single lines.
    return any(True for line in text.split("\n") for _ in detector.analyze_string(line))


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
