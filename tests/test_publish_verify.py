"""Published figures come out the same from their snapshot, or the difference is told."""

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from test_publish import book, company, text, write
from typer.testing import CliRunner

from csatlib import cli
from csatlib.publish import manifest, verify
from csatlib.publish.run import run

pytestmark = pytest.mark.usefixtures("warmed")
JOB = "2026-10/all/10_good"
RECORD = """from csatlib import findings
from csatlib.tables import workspace
n = len(workspace.open(config, period=period).responses)
row = {"estimate": n / 3, "ci_low": 1.0, "ci_high": 9.0, "n": n}
findings.record("answers", row, period=period, unit="thirds", statement=f"{n} answers.")"""


@pytest.fixture(scope="module")
def first(warmed, tmp_path_factory):
    project = tmp_path_factory.mktemp("verify") / "project"
    config = company(project)
    write(project, "10_good", book("Is it good?", RECORD))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CSAT_CACHE", str(project.parent / "cache"))
        run(config)
    return project


@pytest.fixture
def project(first, tmp_path, monkeypatch):
    monkeypatch.setenv("CSAT_CACHE", str(shutil.copytree(first.parent / "cache", tmp_path / "cache")))
    return Path(shutil.copytree(first, tmp_path / "project"))


def csat(project, *arguments):
    return CliRunner().invoke(cli.app, ["verify", *arguments, "--config", str(project / "csat.toml")])


def test_manifest_has_findings_memory_durations_and_dirtiness(first):
    entry = manifest.latest(first / "reports")[JOB]
    (finding,) = entry["findings"]
    assert (finding["metric"], finding["estimate"], finding["n"]) == ("answers", 5.33333, 16)
    assert 0 < entry["execution_seconds"] <= entry["seconds"]
    assert entry["peak_mb"] is None or entry["peak_mb"] > 50
    assert (entry["commit"], entry["dirty"]) == (None, None)


def test_dirtiness_is_told_apart_from_the_commit(monkeypatch, tmp_path):
    for answer, expected in (("ab12", ("ab12", False)), ("ab12+", ("ab12", True)), ("", None)):
        told = type("Told", (), {"stdout": f"{answer}\n"})
        monkeypatch.setattr(manifest.subprocess, "run", lambda *_, told=told, **__: told)
        monkeypatch.setattr(manifest.shutil, "which", lambda _: "git")
        assert manifest.commit(tmp_path) == expected


def test_figures_reproduce_even_after_the_data_has_changed(project):
    with (project / "data" / "responses.csv").open("a") as file:
        file.write("R999,2026-10-30,North\n")
    before = {path: path.read_bytes() for path in (project / "reports").rglob("*") if path.is_file()}
    told = csat(project, "2026-10")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [f"reproduced {JOB}: 1 findings", "1 reproduced"]
    assert {path: path.read_bytes() for path in (project / "reports").rglob("*") if path.is_file()} == before


def test_figure_that_differs_is_named(project):
    published = project / "reports" / f"{JOB}.ipynb"
    notebook = nbformat.read(published, as_version=4)
    notebook.cells[-1].source = RECORD.replace("n / 3", "n / 4")
    nbformat.write(notebook, published)
    told = csat(project)
    assert told.exit_code == 1
    assert f"differs {JOB}: answers (all, 2026-10): estimate was 5.33333, is 4.0" in told.stdout
    entry = manifest.latest(project / "reports")[JOB]
    entry["findings"][0]["estimate"] = 6.0
    (project / "reports" / manifest.FILE).write_text(json.dumps(entry) + "\n")
    assert "holds other findings than the manifest" in csat(project).stdout


def test_what_cannot_be_run_again_says_why(project):
    shutil.rmtree(os.environ["CSAT_CACHE"])
    told = csat(project)
    assert told.exit_code == 1
    assert f"cannot {JOB}: its snapshot" in told.stdout
    assert "not in the cache any more" in told.stdout
    (project / "reports" / f"{JOB}.ipynb").unlink()
    assert "the executed notebook is not there any more" in csat(project).stdout


def test_other_settings_are_told(project):
    config = project / "csat.toml"
    config.write_text(text(config) + "min_base = 12\n")
    told = csat(project)
    assert told.exit_code == 1
    assert "other settings" in told.stdout
    assert str(project) not in told.stdout


def test_nothing_to_verify_is_wrong_use(project):
    told = csat(project, "2026-09")
    assert told.exit_code == 2
    assert "no report to verify for 2026-09" in told.stderr
    assert "published: 2026-10" in told.stderr


def test_differences_by_hand():
    one = {"metric": "m", "group": "all", "period": "2026", "estimate": 1.0, "n": 5, "statement": "One."}
    assert list(verify.differences([one], [one])) == []
    assert list(verify.differences([one], [one | {"estimate": 1.000001}])) == []
    assert list(verify.differences([one], [one | {"estimate": 1.00001}])) == [
        "m (all, 2026): estimate was 1.0, is 1.00001"
    ]
    assert list(verify.differences([one], [])) == ["m (all, 2026): only then"]
    assert list(verify.differences([one], [one, one])) == ["m (all, 2026): only now"]
    assert list(verify.differences([one], [one | {"n": None}])) == ["m (all, 2026): n was 5, is None"]
    assert list(verify.differences([one], [one | {"statement": "1."}])) == ["m (all, 2026): another sentence"]
