"""Release and restatement: a released page stays byte-equal, late answers come out beside it."""

import hashlib
import json

import pandas as pd
import pytest
from test_publish import book, company, write

from csatlib.publish import frozen, manifest, release
from csatlib.publish.run import run

COUNTS = (
    "from csatlib import findings\n"
    "from csatlib.tables import workspace\n"
    "n = len(workspace.open(config, period=period).responses)\n"
    "row = {'estimate': n, 'ci_low': n, 'ci_high': n, 'n': n}\n"
    "findings.record('answers', row, period=period, unit='answers', statement=f'{n} answers.')"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A company whose one page counts the answers of the month."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    config = company(tmp_path / "project")
    write(config.parent, "10_answers", book("How many answers?", COUNTS))
    return config


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_released_pages_stay_and_late_answers_are_restated(project):
    with pytest.raises(ValueError, match="nothing of 2026-10 has been published"):
        release.release(project, "2026-10", by="Ann")
    out = project.parent / "reports"
    run(project, period="2026-10")
    assert "Draft" in (out / "index.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="--by is empty"):
        release.release(project, "2026-10", by="  ")
    entry = release.release(project, "2026-10", by="Ann Lee")
    assert (entry["by"], entry["rows"]["responses"]) == ("Ann Lee", 31)
    assert "Released by Ann Lee" in (out / "index.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="released already, by Ann Lee"):
        release.release(project, "2026-10", by="Bob")
    before = digests(out / "2026-10" / "all")

    # the same data, even by force: nothing happens
    outcome = run(project, period="2026-10", force=True).outcomes[0]
    assert (outcome.status, outcome.reason) == ("unchanged", "released")
    assert digests(out / "2026-10" / "all") == before

    # late answers: beside it, with old and new figures
    data = project.parent / "data" / "responses.csv"
    frame = pd.read_csv(data)
    late = frame.tail(2).assign(response_id=["L1", "L2"])
    pd.concat([frame, late]).to_csv(data, index=False)
    (project.parent / "notes").mkdir()
    (project.parent / "notes" / "2026-10.md").write_text("<script>alert(1)</script> Fine. Ann", encoding="utf-8")
    result = run(project, period="2026-10")
    assert not result.failed
    assert digests(out / "2026-10" / "all") == before
    assert frozen.altered(out, entry) == []
    [folder] = (out / "2026-10").glob("all-restated-*")
    sheet = (folder / release.SHEET).read_text(encoding="utf-8")
    [row] = release.compared(out / "2026-10" / "all", folder)
    assert row["change"] == "+2.00"
    assert row["old"] in sheet
    assert row["new"] in sheet
    index = result.index.read_text(encoding="utf-8")
    assert "Released by Ann Lee" in index
    assert f"2026-10/{folder.name}/restatement.html" in index
    assert "&lt;script&gt;" in index
    assert "<script" not in index
    assert [o.status for o in run(project, period="2026-10").outcomes] == ["unchanged"]

    # without the diary it is released still
    diary = (out / manifest.FILE).read_bytes()
    (out / manifest.FILE).unlink()
    assert frozen.of(out, "2026-10") == json.loads(json.dumps(entry))
    [again] = run(project, period="2026-10", force=True).outcomes
    assert again.job.startswith("2026-10/all-restated-")
    assert digests(out / "2026-10" / "all") == before
    (out / manifest.FILE).write_bytes(diary)

    # a page changed by hand is told
    page = out / "2026-10" / "all" / "10_answers.html"
    page.write_text("other", encoding="utf-8")
    assert frozen.altered(out, entry) == ["2026-10/all/10_answers.html"]


def test_failed_reports_are_not_released(tmp_path):
    (tmp_path / "csat.toml").write_text('[company]\nname = "A"\n[source]\npath = "."\n', encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    failed = {"job": "2026-10/all/10_a", "period": "2026-10", "status": "failed", "finished": "x", "snapshot": "s"}
    manifest.append(out, failed)
    with pytest.raises(ValueError, match="failed reports: 2026-10/all/10_a"):
        release.release(tmp_path / "csat.toml", "2026-10", by="Ann", out=out)


def test_dates_of_restatements_do_not_collide(tmp_path):
    def entry(date, snapshot):
        job = f"2026-10/all-restated-{date}/10_a"
        return {"job": job, "period": "2026-10", "status": "done", "snapshot": snapshot, "finished": "x"}

    manifest.append(tmp_path, entry("2026-11-27", "s2"))
    assert release._date(tmp_path, "2026-10", "s2", "2026-12-01") == "2026-11-27"
    assert release._date(tmp_path, "2026-10", "s3", "2026-11-27") == "2026-11-27-2"
    assert release._date(tmp_path, "2026-10", "s3", "2026-11-28") == "2026-11-28"
    assert json.loads((tmp_path / manifest.FILE).read_text(encoding="utf-8"))["snapshot"] == "s2"


def test_restated_figures_are_called_as_readers_do_and_the_changed_come_first(tmp_path):
    def book(folder, figure):
        about = {"group": "all", "unit": "points", "n": 90, "ci_low": 1.0, "ci_high": 9.0, "label": "NPS"}
        found = [about | {"metric": "executive.change.nps", "estimate": 4.0}]
        found += [about | {"metric": "executive.nps", "estimate": figure}]
        found += [about | {"metric": "kept", "group": "North", "estimate": 1.0, "label": None}]
        outputs = [{"data": {"application/vnd.csatlib.finding+json": one}} for one in found]
        folder.mkdir()
        cells = [{"outputs": outputs}]
        (folder / "90_a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}), encoding="utf-8")
        return folder

    rows = release.compared(book(tmp_path / "old", 5.0), book(tmp_path / "new", 6.0))
    assert [(row["what"], row["change"]) for row in rows] == [
        ("NPS", "+1.00"),
        ("NPS, against the period before", "0.00"),
        ("kept in North", "0.00"),
    ]
