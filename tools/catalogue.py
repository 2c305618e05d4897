"""Keep the catalogues of csatlib/locale in step with the sentences in the source.

``python -m tools.catalogue`` reads every sentence of say() and mark() in csatlib, its page templates and the
notebooks, and every Markdown cell whole, and writes them into the catalogue of each language: translations stay,
new sentences stand at the top without one, gone sentences go. ``--check`` changes nothing and tells what lacks.
Other arguments are catalogues named by language, such as ``sent/zh.po``, whose translations fill what is empty.
"""

import ast
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from csatlib.words import CATALOGUES, LANGUAGES
from tools.lock import ROOT

WORDS = ("say", "mark")
HEAD = """# What readers see, in {name}. Fill in each empty msgstr; python -m tools.catalogue brings new English.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def in_python(source: str) -> Iterator[str]:
    """Yield the literals given to say() and mark().

    Babel's own extractor goes by tokens and would also take the "x" of say(LATER["x"]).
    """
    for node in ast.walk(ast.parse(source)):
        name = isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
        first = node.args[0] if name in WORDS and node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def in_template(source: str) -> Iterator[str]:
    """Yield the literals given to say(), plain or as an attribute, in a Jinja template."""
    for call in jinja2.Environment(autoescape=True).parse(source).find_all(jinja2.nodes.Call):
        name = getattr(call.node, "name", None) or getattr(call.node, "attr", None)
        if name in WORDS and call.args and isinstance(call.args[0], jinja2.nodes.Const):
            yield call.args[0].value


def cells(path: Path) -> Iterator[tuple[str, str]]:
    """Yield kind and source of each cell of a notebook."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        yield cell["cell_type"], "".join(cell["source"])


def sentences(root: Path = ROOT) -> tuple[set[str], set[str]]:
    """Collect the sentences with places and the Markdown cells of a tree."""
    said, written = set(), set()
    for path in sorted((root / "csatlib").rglob("*.py")):
        said |= set(in_python(path.read_text(encoding="utf-8")))
    for path in sorted((root / "csatlib" / "publish" / "templates").rglob("*.j2")):
        said |= set(in_template(path.read_text(encoding="utf-8")))
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for kind, source in cells(path):
            if kind == "code":
                said |= set(in_python(source))
            elif source.strip():
                written.add(source.strip())
    return said, written


def read(path: Path) -> dict[str, str]:
    """Read English sentence -> translation, "" where there is none; nothing of a missing file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return {message.id: message.string or "" for message in read_po(file) if message.id}


def text(language: str, translations: dict[str, str]) -> str:
    """Write a catalogue: first what has no translation, then the rest, each in the order of the English."""
    catalogue = Catalog()
    for english in sorted(translations, key=lambda english: (bool(translations[english]), english)):
        catalogue.add(english, translations[english])
    written = io.BytesIO()
    write_po(written, catalogue, width=0, omit_header=True)
    return HEAD.format(name=LANGUAGES[language], language=language) + written.getvalue().decode().strip() + "\n"


def problems(translations: dict[str, str], needed: Iterable[str]) -> Iterator[str]:
    """Yield each sentence without a translation and each translation without a sentence."""
    needed = set(needed)
    for english in sorted(needed):
        if not translations.get(english):
            yield f"no translation of {english!r}"
    for english in sorted(set(translations) - needed):
        yield f"no longer in the source: {english!r}"


def main(arguments: list[str]) -> int:
    """Update or check the catalogue of every language but English."""
    check = "--check" in arguments
    needed = set().union(*sentences())
    failed = False
    for language in LANGUAGES:
        if language == "en":
            continue
        path = CATALOGUES / f"{language}.po"
        before = read(path)
        known = [before, *(read(Path(name)) for name in arguments if Path(name).name == path.name)]
        after = {english: next((k[english] for k in known if k.get(english)), "") for english in needed}
        found = list(problems(before if check else after, needed))
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(language, after), encoding="utf-8", newline="\n")
        for problem in found:
            print(f"{language}: {problem}")
        print(f"{path.parent.name}/{path.name}: {len(needed)} sentences, {len(found)} to do")
        failed |= bool(found)
    return 1 if failed and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
