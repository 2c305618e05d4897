"""A period as one file to send: pages, numbers, PDF and pictures, no executed notebook, nothing restricted."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

from csatlib.publish import frozen, languages, manifest, paper, site
from csatlib.tables import config as settings_file
from csatlib.tables.period import parse

LIMIT = 10_000_000
SENT = (".html", ".xlsx", ".pdf", ".png")
RESTRICTED = "restricted"


def share(config: str | Path, period: str, *, out: str | Path | None = None, printed: bool = True) -> Path:
    """Zip a period's reports in every language, with an index of their own.

    Parameters
    ----------
    config : str or Path
        The settings file.
    period : str
        Month, quarter or year that has been run.
    out : str or Path, optional
        Output folder; default: ``[report] output`` of the settings.
    printed : bool
        Make PDF and pictures first, where they are missing; of a released period only what was not released.

    Returns
    -------
    Path
        PERIOD.zip in the output folder. Where not all fits into 10 MB, PDF files of pages other than the executive
        one are left out, those of the main language last.

    Raises
    ------
    ValueError
        Nothing of the period has been published; pages and numbers alone have more than 10 MB.
    ImportError
        PDF is wanted and there is no Chromium.
    """
    settings = settings_file.load(config)
    out = settings.output if out is None else Path(out).resolve()
    label, main = parse(period).label, settings.company.language
    spoken = [main, *settings.report.also_in]
    folders = {one: languages.folder(out, one, main) for one in spoken}
    pages = [page for folder in folders.values() for page in _files(folder / label, (".html",))]
    if not pages:
        raise ValueError(f"nothing of {label} has been published in {out}; first csat run --period {label}")
    if printed:
        paper.make(page for page in pages if "failed" not in page.suffixes[0] and _may_print(folders, page, label))
    with tempfile.TemporaryDirectory(prefix=".work-", dir=out) as work:
        inside = Path(work) / "files"
        for language, folder in folders.items():
            if (folder / label).is_dir():
                _copy(folder, inside / folder.relative_to(out), label)
                with languages.speaking(language):
                    company = settings_file.load(config).company.name
                    head = {"company": company, "language": language, "notes": settings.file.parent / "notes"}
                    site.build(inside / folder.relative_to(out), **head)
        languages.link(inside, main, site.PAGES)
        target = Path(work) / f"{label}.zip"
        _zip(inside, target)
        site.publish(target, out / target.name)
    return out / f"{label}.zip"


def left_out(path: Path) -> list[str]:
    """List the PDF files beside a shared file's pages that it has no room for.

    Parameters
    ----------
    path : Path
        From :func:`share`.

    Returns
    -------
    list of str
        Relative to the output folder; empty where all is in.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    printed = [Path(name).with_suffix(".pdf").as_posix() for name in names if name.endswith(".html")]
    return [name for name in printed if name not in names and (path.parent / name).exists()]


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """List files that may leave the house: no links, nothing in or called restricted."""
    found = [p for p in sorted(folder.rglob("*")) if p.suffix in suffixes and p.is_file() and not p.is_symlink()]
    return [p for p in found if not any(RESTRICTED in part for part in p.relative_to(folder).parts)]


def _may_print(folders: dict[str, Path], page: Path, label: str) -> bool:
    folder = next(f for f in reversed(list(folders.values())) if f in page.parents)
    released = frozen.of(folder, label)
    known = released["files"] if released else {}
    return page.with_suffix(".pdf").relative_to(folder).as_posix() not in known


def _copy(folder: Path, inside: Path, label: str) -> None:
    """Copy what the index is made of; executed notebooks are left out of the file later."""
    for path in _files(folder / label, (*SENT, ".ipynb")):
        target = inside / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    source = folder / manifest.FILE
    for line in source.read_text(encoding="utf-8", errors="replace").splitlines() if source.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and label in (entry.get("period"), entry.get(frozen.KEY)):
            # the copy has no notebooks: they are no alteration
            files = {k: v for k, v in entry.get("files", {}).items() if not k.endswith(".ipynb")}
            manifest.append(inside, entry | ({"files": files} if files else {}))


def _zip(inside: Path, target: Path) -> None:
    files = _files(inside, SENT)
    spare = [path for path in files if path.suffix == ".pdf" and not path.name.startswith(paper.ALSO_LONG)]
    spare.sort(key=lambda path: len(path.relative_to(inside).parts))  # other languages lie one folder deeper
    size = _written(target, inside, files)
    while size > LIMIT and spare:
        files.remove(spare.pop())
        size = _written(target, inside, files)
    if size > LIMIT:
        big = sorted(files, key=lambda path: -path.stat().st_size)[:3]
        names = ", ".join(f"{p.relative_to(inside).as_posix()} ({p.stat().st_size / 1e6:.1f} MB)" for p in big)
        raise ValueError(f"the file would have {size / 1e6:.1f} MB, more than 10; largest: {names}")


def _written(target: Path, inside: Path, files: list[Path]) -> int:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(inside).as_posix())
    return target.stat().st_size
