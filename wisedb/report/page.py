"""A report as one HTML page that needs nothing else: no network, no other file.

Whatever anybody wrote is text there. Jinja escapes it, the page's policy (CSP) lets no script run but the page's own,
known by its hash, and what can't be seen but would be obeyed is shown as its code.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from wisedb.report.ai_act import Article
from wisedb.report.contents import Report
from wisedb.report.plots import HINT, Plot, available, plots
from wisedb.report.series import form_rows, shares
from wisedb.shown import shown_prompt, visible

_SECTIONS: Final = (
    ("model", "Base model and summary"),
    ("facts", "Facts in force"),
    ("taken", "Taken out of force, and by whom"),
    ("timeline", "Timeline of commits"),
    ("scores", "Scores and costs over commits"),
    ("integrity", "Integrity"),
    ("signatures", "Signatures"),
    ("moves", "Moves of HEAD"),
)
_ACT: Final = ("act", "What the EU AI Act asks of a log")


def page(report: Report, articles: Sequence[Article] = ()) -> str:
    """The whole page.

    Args:
        report: what it tells.
        articles: what the EU AI Act asks, told first; none for a page without it.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"seen": visible, "prompt": shown_prompt}
    style, script = _own("page.css"), _own("page.js")
    drawn = plots(report)
    return environment.from_string(_own("page.html.j2")).render(
        report=report,
        authors=list(dict.fromkeys(row.author for row in report.commits)),
        sections=(_ACT, *_SECTIONS) if articles else _SECTIONS,
        articles=articles,
        notes={**dict.fromkeys((anchor for anchor, _ in (_ACT, *_SECTIONS)), ""), **_notes(report, drawn)},
        # Our own files, and SVG that was drawn of numbers: the only markup that isn't the template's.
        style=Markup(style),
        script=Markup(script),
        plots=[Plot(plot.title, Markup(plot.svg)) for plot in drawn],
        shares=shares(report),
        forms=form_rows(report),
        policy=_policy(style, script),
    )


def _notes(report: Report, drawn: Sequence[Plot]) -> Mapping[str, str]:
    asked = (
        "The model was not asked for this report: `wisedb report --ask` lets it answer every prompt, unedited and at"
        " this commit."
        if report.asked is None
        else f"The model was asked about {report.asked} of {len(report.facts)} facts: greedily, unedited (before) and"
        " at this commit (now), as a prompt and, where the model has a chat template, as a message."
    )
    signed = (
        f"{report.signed} of {len(report.commits)} commits have a signature that counts here: by a key that whoever"
        " made this report trusts."
    )
    drawn_not = "" if drawn or available() else f"Plots need Altair and vl-convert ({HINT}); here are the tables. "
    kept = "A commit doesn't keep how long its training took, so that the seconds here are those of measurements."
    return {"facts": asked, "scores": drawn_not + kept, "signatures": signed}


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _own(name: str) -> Any:
    return resources.files("wisedb.report").joinpath(name).read_text(encoding="utf-8")
