"""What leaves the house: one file, no notebook, nothing restricted; PDF and picture as the phone opens them."""

import os
import shutil
import struct
import zipfile

import pytest
from test_publish import ANSWER, book, company, write

from csatlib.publish import manifest, paper, share, site
from csatlib.publish.html import render


@pytest.fixture
def published(tmp_path):
    """A published folder, by hand: no kernel is needed to share it."""
    config = company(tmp_path / "project")
    write(config.parent, "10_a", book("A?", ANSWER))
    out = tmp_path / "out"
    folder = out / "2026-10" / "all"
    (folder / "restricted").mkdir(parents=True)
    for name in ("10_a", "90_b"):
        page = render(
            "site.html.j2", title=name, periods=[], words={}, summary="", run={"company": "Tiny", "language": "en"}
        )
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
        (folder / f"{name}.ipynb").write_text("{}", encoding="utf-8")
        entry = {
            "job": f"2026-10/all/{name}",
            "notebook": name,
            "period": "2026-10",
            "segment": None,
            "answer": "42",
        }
        manifest.append(out, entry | {"status": "done", "finished": "2026-11-01 08:00 UTC", "title": name})
    (folder / "10_a.xlsx").write_bytes(b"x")
    (folder / "restricted" / "names.html").write_text("Ann", encoding="utf-8")
    (folder / "restricted-names.xlsx").write_text("Ann", encoding="utf-8")
    (folder / "link.html").symlink_to(config)
    (out / "2026-09" / "all").mkdir(parents=True)
    (out / "2026-09" / "all" / "10_a.html").write_text("old", encoding="utf-8")
    return config, out


def test_only_what_may_leave_is_in_the_file(published):
    config, out = published
    path = share.share(config, "2026-10", out=out, printed=False)
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        index = archive.read("index.html").decode()
    pages = ["2026-10/all/10_a.html", "2026-10/all/10_a.xlsx", "2026-10/all/90_b.html"]
    assert names == [*pages, "glossary.html", "history.html", "index.html"]
    assert 'href="2026-10/all/10_a.html"' in index
    assert "2026-09" not in index
    assert sorted(p.name for p in out.glob(".work-*")) == []


def test_too_large_and_not_published_are_refused(published, monkeypatch):
    config, out = published
    with pytest.raises(ValueError, match="nothing of 2026-08 has been published"):
        share.share(config, "2026-08", out=out)
    monkeypatch.setattr(share, "LIMIT", 100)
    with pytest.raises(ValueError, match="more than 10; largest: .*html"):
        share.share(config, "2026-10", out=out, printed=False)
    assert not (out / "2026-10.zip").exists()


def test_pdf_of_other_pages_go_first_where_the_file_is_too_large(published, monkeypatch):
    config, out = published
    folder = out / "2026-10" / "all"
    for name in ("10_a.pdf", "90_b.pdf"):
        (folder / name).write_bytes(os.urandom(60_000))
    monkeypatch.setattr(share, "LIMIT", 90_000)
    path = share.share(config, "2026-10", out=out, printed=False)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert "2026-10/all/90_b.pdf" in names
    assert "2026-10/all/10_a.pdf" not in names
    assert share.left_out(path) == ["2026-10/all/10_a.pdf"]


def test_without_a_browser_it_is_said(published, monkeypatch):
    config, out = published
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ImportError, match="need Chromium"):
        share.share(config, "2026-10", out=out)


@pytest.mark.skipif(not any(map(shutil.which, paper.BROWSERS)), reason="no Chromium")
def test_pdf_is_a4_with_fonts_and_the_picture_is_1080_wide(published):
    _, out = published
    folder = out / "2026-10" / "all"
    made = paper.make([folder / "10_a.html", folder / "90_b.html"])
    assert sorted(path.name for path in made) == ["10_a.pdf", "90_b.pdf", "90_b.png"]
    pdf = (folder / "10_a.pdf").read_bytes()
    assert b"/MediaBox [0 0 594" in pdf or b"/MediaBox [0 0 595" in pdf
    assert b"/FontFile2" in pdf
    assert b"/Outlines" in pdf
    width = struct.unpack(">I", (folder / "90_b.png").read_bytes()[16:20])[0]
    assert width == 1080
    assert paper.make([folder / "10_a.html"]) == []
    assert site.entries(out, {})["2026-10/all/10_a"]["answer"] == "42"
