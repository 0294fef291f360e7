"""What each setting of an editor is for, out of the docstring of its dataclass."""

from __future__ import annotations

import inspect
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from wisedb.config import Setting
from wisedb.editors.registry import find

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ATTRIBUTE: Final = re.compile(r"    (?P<name>\w+): (?P<text>.*(?:\n     .*)*)")
_GROUP: Final = re.compile(r"(?P<group>[A-Z][a-z]+)\. (?P<rest>.*)", re.DOTALL)
_ROLE: Final = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """One setting.

    Attributes:
        name: its name, as ``--set`` takes it.
        default: its default, before the model is known.
        help: what it does, in one line.
        group: the heading under which it stands in its class, empty where there is none.
    """

    name: str
    default: Setting
    help: str
    group: str

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def settings_help(editor: str) -> tuple[SettingHelp, ...]:
    """The settings of an editor, in the order of its class.

    Raises:
        UnknownEditor: there is no such editor.
    """
    configured: DataclassInstance = find(editor).configure({})
    # The class's own docstring and those of the ones that it builds on, its own last.
    classes = reversed(type(configured).__mro__)
    said = {name: text for cls in classes for name, text in _attributes(cls).items()}
    group = ""
    found = []
    for field in fields(configured):
        text = said.get(field.name, "")
        heading = _GROUP.fullmatch(text)
        if heading is not None:
            group, text = heading["group"], heading["rest"]
        found.append(SettingHelp(field.name, getattr(configured, field.name), text, group))
    return tuple(found)


def _attributes(cls: type) -> dict[str, str]:
    _, _, listed = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    listed, _, _ = listed.partition("\n\n")
    return {found["name"]: _plain(found["text"]) for found in _ATTRIBUTE.finditer(listed)}


def _plain(text: str) -> str:
    return " ".join(_ROLE.sub(r"\1", text).replace("``", "").split())
