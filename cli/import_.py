"""``wisedb import``: memories that were trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .commit import committed
from .options import base_option, command
from .session import Session
from .signatures import sign_option, signature_options

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


@command('wisedb import wise_checkpoint/wise.pt -m "what we had in EasyEdit"', name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-m", "--message", metavar="MSG", required=True, help="What the commit is about.")
@signature_options
@sign_option
@base_option()
def import_(session: Session, file: Path, message: str, author: str, date: str | None, sign: Sign | None) -> None:
    """Take over the side memories of an EasyEdit WISE checkpoint.

    FILE is what EasyEdit's save_path names. It is read without running anything of it; its memories become one commit,
    with the edits that it remembers. Files with edits are read by 'wisedb commit FILE'.
    """
    repository = session.repository()
    with session.progress() as progress:
        made = repository.import_easyedit(file, message, author=author, date=date, sign=sign, progress=progress)
    session.tell({**made.to_json(), "message": message}, committed)
