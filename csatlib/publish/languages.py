"""The report in more than one language: where each lies, what is translated, how its pages are linked."""

import copy
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from csatlib import words
from csatlib.publish import fonts, lock, site
from csatlib.tables import config as settings_file
from csatlib.tables.names import VARIABLE

_LINKS = re.compile(r'<span class="csat-languages">.*?</span>', re.DOTALL)


def wanted(settings: settings_file.Settings, language: str | None = None) -> list[str]:
    """List the languages of a run: the one asked for, else the main one and those it also comes out in.

    Parameters
    ----------
    settings : Settings
        Of the company.
    language : str, optional
        The only one to run.

    Returns
    -------
    list of str
        The main one first.

    Raises
    ------
    ValueError
        There is no such language.
    """
    if language is None:
        return [settings.company.language, *settings.report.also_in]
    if language not in words.LANGUAGES:
        raise ValueError(f"--language {language!r} is not known; allowed: {', '.join(words.LANGUAGES)}")
    return [language]


def folder(out: Path, language: str, main: str) -> Path:
    """Folder of a language's pages: the main one lies in the output folder itself, each other in one below."""
    return out if language == main else out / language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in a language meanwhile: sentences here, names of settings here and in kernels."""
    before, spoken = os.environ.get(VARIABLE), words.language()
    os.environ[VARIABLE] = language
    words.use(language)
    try:
        yield
    finally:
        words.use(spoken)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def translated(notebook):
    """Put the Markdown of a notebook into the language spoken, cell by cell.

    Parameters
    ----------
    notebook : NotebookNode
        Stays as it is.

    Returns
    -------
    NotebookNode
        A copy; a cell that the catalogue lacks stays English.
    """
    book = copy.deepcopy(notebook)
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = words.look_up(cell.source)
    return book


def link(out: Path, main: str, names: Iterable[str]) -> None:
    """Let each published page, in every language, name the same page in the others.

    Parameters
    ----------
    out : Path
        Output folder of the main language.
    main : str
        Its language.
    names : iterable of str
        Pages without extension, relative to the folder of a language.
    """
    for name in names:
        for language in words.LANGUAGES:
            for kind in (".html", ".failed.html"):
                page = folder(out, language, main) / f"{name}{kind}"
                if page.exists():
                    _link(out, main, page, language, name)


def _link(out: Path, main: str, page: Path, language: str, name: str) -> None:
    found = []
    for other, called in words.LANGUAGES.items():
        target = folder(out, other, main) / f"{name}.html"
        if other != language and target.exists():
            href = escape(Path(os.path.relpath(target, page.parent)).as_posix())
            found.append(f'<a href="{href}" hreflang="{other}" lang="{other}">{escape(called)}</a>')
    before = page.read_text(encoding="utf-8")
    after = _LINKS.sub(lambda _: f'<span class="csat-languages">{" ".join(found)}</span>', before, count=1)
    if after != before:
        after = fonts.embed(after)  # a language's name may need characters that the page itself has not
        part = page.with_name(f"{lock.PART}{page.name}")
        part.write_text(after, encoding="utf-8")
        site.publish(part, page)
