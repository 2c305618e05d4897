"""One self-contained page per executed notebook: no script, no external reference.

nbconvert is imported late: a run with nothing to do ends before that would be done.
"""

import base64
import copy
import html as escaping
import re
import threading
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

import jinja2

from csatlib.publish import fonts
from csatlib.words import say

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
PRIORITY = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
IMAGES = ("image/svg+xml", "image/png", "image/jpeg")
FORBIDDEN = {"script", "iframe", "object", "embed", "link", "base", "form", "frame", "audio", "video"}
REFERENCES = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href"}
_OUTSIDE = re.compile(r"\s*(?:[a-z][a-z+.-]*:)?//|\s*(?:javascript|vbscript|file):", re.IGNORECASE)
_STYLE = re.compile(r"@import[^;]*|url\(\s*(?!['\"]?data:)[^)]*\)", re.IGNORECASE)
_CAPTION = re.compile(r'(<figure[^>]*class="[^"]*csat-table[^"]*"[^>]*>\s*<figcaption[^>]*>)')
_ANSWER = re.compile(r'\s*<section[^>]*class="[^"]*csat-answer')
_NUMBERED = re.compile(r'<b class="csat-number" id="([\w-]+)">')
_one_at_a_time = threading.Lock()  # an exporter keeps what it is at
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)


def page(
    notebook, *, run: dict, finished: str | None = None, index: str | None = None, workbook: str | None = None
) -> str:
    """Turn an executed notebook into one HTML page.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; stays as it is.
    run : dict
        What the head and the foot name: company, period, segment, source, counts (a list of dicts table,
        read, used, rejected), parameters, versions, language; any may be missing.
    finished : str, optional
        Time stamp to print; without it the page depends on nothing but its arguments.
    index, workbook : str, optional
        Relative links to the index and to the figures as a workbook.

    Returns
    -------
    str
        A complete document.

    Raises
    ------
    ValueError
        Images without alt text, scripts, references to outside the page; every one with its cell.
    """
    inspect(notebook)
    book = number(notebook)
    title, contents, answer = _prepare(book)
    facts = {"title": title, "contents": contents, "answer": answer, "run": run, "policy": POLICY, "say": say}
    facts |= {"finished": finished, "index": index, "workbook": workbook, "css": css()}
    with _one_at_a_time:
        text, _ = _exporter().from_notebook_node(book, resources={"csat": facts})
    text = fonts.embed(text)
    check(text)
    return text


@lru_cache(maxsize=1)
def _exporter():
    """Templates compiled once; nbconvert's HTML exporter would read each page again to mend what ours have not."""
    from nbconvert import TemplateExporter
    from nbconvert.filters import Highlight2HTML
    from traitlets.config import Config

    exporter = TemplateExporter(
        template_name="csat",
        file_extension=".html",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"highlight_code": Highlight2HTML(pygments_lexer="ipython3")},
        config=Config({"NbConvertBase": {"display_data_priority": PRIORITY}}),
    )
    exporter.environment.autoescape = True
    return exporter


def number(notebook):
    """Put numbers into the captions of tables and figures, so that other formats can use the same ones.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.

    Returns
    -------
    NotebookNode
        A copy. "Table 1." stands in each caption of a ``figure.csat-table``, "Figure 1." in the metadata
        ``label`` of each image, and either as ``label`` in the record of numbers behind it.
    """
    from csatlib import exhibit

    book = copy.deepcopy(notebook)
    tables = figures = 0

    def caption(match: re.Match) -> str:
        nonlocal tables
        tables += 1
        label = say("Table {number}.", number=tables)
        return f'{match[1]}<b class="csat-number" id="table-{tables}">{label}</b> '

    for cell in book.cells:
        for output in cell.get("outputs", ()):
            data, shown = output.get("data", {}), _shown(output)
            if shown == "text/html":
                data[shown] = _CAPTION.sub(caption, _tied(_joined(data[shown])))
                label = say("Table {number}.", number=tables)
            elif shown in IMAGES:
                figures += 1
                label = say("Figure {number}.", number=figures)
                about = output.metadata.setdefault(shown, {})
                about |= {name: _tied(about[name]) for name in ("caption", "reading") if about.get(name)}
                about["label"] = label
            if exhibit.MIME in data:
                data[exhibit.MIME]["label"] = label
    return book


def inspect(notebook) -> None:
    """Refuse images without alt text and HTML outputs which must not be published.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; an image's alt text is in its metadata: ``{"image/png": {"alt": "..."}}``.

    Raises
    ------
    ValueError
        Every finding with the name of its cell.
    """
    problems = []
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            shown, found = _shown(output), []
            if shown == "text/html":
                found = _problems(_joined(output.data[shown]))
            elif shown in IMAGES and not str(output.metadata.get(shown, {}).get("alt") or "").strip():
                found = ["an image has no alt text; show it with theme.show(ax, alt=...)"]
            problems += [f"{cell_name(notebook.cells, position)}: {problem}" for problem in found]
    if problems:
        raise ValueError("; ".join(problems))


def _shown(output) -> str | None:
    return next((mime for mime in PRIORITY if mime in output.get("data", {})), None)


def cell_name(cells, position: int) -> str:
    """Name a cell as its author finds it in the committed notebook.

    Parameters
    ----------
    cells : sequence of NotebookNode
        Of the executed notebook, at least up to the cell.
    position : int
        From 0; the cell Papermill injects is not counted.

    Returns
    -------
    str
        For example ``cell 7 (under 'Measure')``.
    """
    injected = sum("injected-parameters" in c.metadata.get("tags", []) for c in cells[:position])
    above = [h for c in cells[:position] if c.cell_type == "markdown" for h in _headings(c.source)]
    return f"cell {position + 1 - injected}" + (f" (under {above[-1]!r})" if above else "")


def check(text: str) -> None:
    """Refuse a page with a script, an event handler or a reference to anything outside it.

    Parameters
    ----------
    text : str
        A document.

    Raises
    ------
    ValueError
        Listing every finding.

    Examples
    --------
    >>> check('<img src="data:image/png;base64,AAAA" alt="a dot">')
    """
    if problems := _problems(text):
        raise ValueError("the page is not safe to publish: " + "; ".join(problems))


def _problems(text: str) -> list[str]:
    look = _Look(convert_charrefs=True)
    look.feed(text)
    return look.problems


class _Look(HTMLParser):
    """Collects what a page must not contain."""

    def __init__(self, **options):
        super().__init__(**options)
        self.problems = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN:
            self.problems.append(f"<{tag}> is not allowed")
        for name, value in values.items():
            if name.startswith("on") or (name in REFERENCES and _OUTSIDE.match(value)):
                self.problems.append(f'<{tag} {name}="{value[:60]}"> is not allowed')
        self._style(values.get("style", ""))
        if tag == "img" and not (values.get("alt", "").strip() and values.get("src", "").startswith("data:")):
            self.problems.append("an <img> has no alt text or is not embedded")

    def handle_data(self, data):
        if self.cdata_elem == "style":
            self._style(data)

    def _style(self, style: str) -> None:
        self.problems.extend(f"{found[:60]} in a style is not allowed" for found in _STYLE.findall(style))


def render(template: str, **facts) -> str:
    """Fill one of our own page templates (index, failure); everything is escaped.

    Parameters
    ----------
    template : str
        File name within the templates folder.
    **facts
        What the template names.

    Returns
    -------
    str
        A checked document.
    """
    loader = jinja2.FileSystemLoader(TEMPLATES / "csat")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    facts = {"say": say, "css": css(), "policy": POLICY} | facts
    text = fonts.embed(environment.get_template(template).render(csat=facts))
    check(text)
    return text


def css() -> str:
    """Style sheet of every page."""
    return (TEMPLATES / "csat" / "page.css").read_text(encoding="utf-8")


def plain(markup: str) -> str:
    """Text of a piece of HTML, on one line.

    Examples
    --------
    >>> plain("<p><b>Answer</b> Yes &amp; no</p><p>So?</p>")
    'Answer Yes & no So?'
    """
    text = re.sub(r"<[^>]+>", " ", re.sub(r"</?(?:a|b|i|em|strong|code|span|sub|sup)\b[^>]*>", "", markup))
    return " ".join(escaping.unescape(text).split())


def _prepare(book) -> tuple[str, list[tuple[str, str]], str]:
    """Render Markdown, take the title and the answer out, wrap tables; the cells are changed."""
    title, answer, contents, used = "", "", [], set()
    for cell in book.cells:
        if cell.cell_type == "markdown":
            if not title and (heading := re.search(r"^#\s+(.+?)\s*#*\s*$", cell.source, re.MULTILINE)):
                title = plain(_markdown(heading[1], {}, [], set()))
                cell.source = cell.source.replace(heading[0], "", 1)
            cell.metadata["csat_html"] = _markdown(cell.source, cell.get("attachments", {}), contents, used)
        for output in list(cell.get("outputs", ())):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = _TABLE.sub(_scrolling, _joined(data["text/html"]))
                if not answer and _ANSWER.match(data["text/html"]):
                    answer = data["text/html"]
                    cell.outputs.remove(output)
            elif "image/svg+xml" in data:
                data["image/svg+xml"] = base64.b64encode(_joined(data["image/svg+xml"]).encode()).decode()
            elif "text/markdown" in data:
                data["text/markdown"] = _markdown(_joined(data["text/markdown"]), {}, [], used)
    return title, contents, answer


def _tied(text: str) -> str:
    """Keep dates, money and "n = 63" on one line: a word joiner after the hyphen, no-break spaces."""
    text = re.sub(r"\b\d{4}-(?:\d\d-)?(?=\d\d\b|Q\d\b)", lambda m: m[0].replace("-", "-\N{WORD JOINER}"), text)
    text = re.sub(r"\b([A-Z]{3}) (?=[\d\N{MINUS SIGN}])", "\\1\N{NO-BREAK SPACE}", text)
    text = re.sub(r"\bn = (?=\d)", "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}", text)
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def _scrolling(match: re.Match) -> str:
    """Make a table scroll sideways by itself, reached by keyboard and named as it is."""
    above = _NUMBERED.findall(match.string[: match.start()])
    name = f'aria-labelledby="{above[-1]}"' if above else f'aria-label="{say("Table")}"'
    table = match[0].replace("<table", f"<table {name}", 1)
    return f'<div class="csat-scroll" role="region" tabindex="0" {name}>{table}</div>'


def _markdown(source: str, attachments: dict, contents: list, used: set) -> str:
    """Markdown to HTML: raw HTML is escaped, headings get anchors, outside links become readable text."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def heading(self, text, level, **attrs):
            anchor = base = re.sub(r"\W+", "-", plain(text).lower()).strip("-") or "section"
            count = 2
            while anchor in used:
                anchor, count = f"{base}-{count}", count + 1
            used.add(anchor)
            if level == 2:
                contents.append((anchor, plain(text)))
            return f'<h{level} id="{anchor}">{text}</h{level}>\n'

        def link(self, text, url, title=None):
            if url.startswith("#"):
                return super().link(text, url, title)
            if re.fullmatch(r"[\w-]+\.ipynb(#.*)?", url):
                return super().link(text, url.replace(".ipynb", ".html"), title)
            shown = "" if plain(text) == url else f" ({escaping.escape(url)})"
            return f'{text}<span class="csat-address">{shown}</span>'

    renderer = Renderer(escape=True, attachments=attachments, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


def _headings(source: str) -> list[str]:
    return re.findall(r"^#+\s+(.+?)\s*#*\s*$", source, flags=re.MULTILINE)


def _joined(text) -> str:
    return text if isinstance(text, str) else "".join(text)
