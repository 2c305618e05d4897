import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat import v4

from csatlib.publish import manifest, plan, site
from csatlib.publish.job import remedy
from csatlib.publish.run import run

CONFIG = """
[company]
name = "Tiny & Sons"
[source]
path = "data"
[report]
output = "reports"
"""
PARAMETERS = """config = "csat.toml"  # settings file
period = "2026-10"  # a month; = a calendar month
by = "region"  # segment
where = {}  # rows"""
ANSWER = (
    "from IPython.display import HTML, display\n"
    "display(HTML('<section class=\"csat-answer\"><p><b>Answer</b> 42 &amp; ' + period + '</p></section>'))"
)
SEEN = (
    "import os, sys\n"
    "print(os.getcwd(), os.environ['CSAT_SNAPSHOT'], os.environ['OMP_NUM_THREADS'], sys.executable)"
)


def book(title: str, *code: str, tables=("responses",), parameters=PARAMETERS) -> v4.new_notebook:
    cells = [v4.new_markdown_cell(f"# {title}"), v4.new_code_cell("import math")]
    cells.append(v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells.append(v4.new_markdown_cell("## Measure"))
    cells += [v4.new_code_cell(source) for source in code]
    return v4.new_notebook(cells=cells, metadata={"csatlib": {"tables": list(tables), "optional": []}})


def write(project: Path, name: str, notebook) -> Path:
    path = project / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def company(project: Path) -> Path:
    """Two months of answers of a company that has no complaints table."""
    (project / "notebooks").mkdir(parents=True)
    (project / "data").mkdir()
    (project / "csat.toml").write_text(CONFIG)
    days = pd.date_range("2026-09-01", "2026-10-31", freq="2D")
    frame = pd.DataFrame({"response_id": [f"R{i:03d}" for i in range(len(days))], "responded_at": days})
    frame["region"] = ["North", "South & East"] * (len(days) // 2) + ["North"] * (len(days) % 2)
    frame.to_csv(project / "data" / "responses.csv", index=False)
    return project / "csat.toml"


pytestmark = pytest.mark.usefixtures("warmed")


@pytest.fixture(scope="module")
def first(warmed, tmp_path_factory):
    """One run of a good, a failing and a skipped notebook; shared, so tests copy before they change it."""
    project = tmp_path_factory.mktemp("with {braces} & <b>") / "project"
    config = company(project)
    write(project, "10_good", book("Is it good?", ANSWER, SEEN))
    fail = "key = 'postgresql://ann:s3cret@db'\nraise ValueError('<script>alert(1)</script> ' + key)"
    write(project, "20_bad", book("Is it bad?", fail))
    write(project, "30_lacking", book("What do they complain of?", tables=("complaints",)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CSAT_CACHE", str(project.parent / "cache"))
        result = run(config, jobs=2)
    return project, result


@pytest.fixture
def project(first, tmp_path, monkeypatch):
    """A private copy of the first run."""
    monkeypatch.setenv("CSAT_CACHE", str(first[0].parent / "cache"))
    return Path(shutil.copytree(first[0], tmp_path / "project"))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_one_bad_notebook_does_not_stop_the_others(first):
    statuses = {outcome.job: outcome.status for outcome in first[1].outcomes}
    folder = "2026-10/all"
    assert statuses == {
        f"{folder}/10_good": "done",
        f"{folder}/20_bad": "failed",
        f"{folder}/30_lacking": "skipped",
    }
    assert [outcome.job for outcome in first[1].failed] == [f"{folder}/20_bad"]


def test_page_and_executed_notebook_are_published(first):
    out = first[0] / "reports" / "2026-10" / "all"
    page = text(out / "10_good.html")
    assert "<h1>Is it good?</h1>" in page
    assert "Tiny &amp; Sons" in page
    assert "survey answers" in page.split("csat-foot")[-1]
    executed = nbformat.read(out / "10_good.ipynb", as_version=4)
    assert executed.metadata.csatlib.run.period == "2026-10"
    assert executed.metadata.csatlib.run.counts == [{"table": "responses", "read": 31, "used": 16, "rejected": 0}]
    assert not list(first[0].glob("reports/.work-*"))


def test_kernel_is_this_interpreter_in_the_notebooks_folder(first):
    executed = nbformat.read(first[0] / "reports/2026-10/all/10_good.ipynb", as_version=4)
    printed = executed.cells[-1].outputs[0].text
    assert printed.startswith(str(first[0] / "notebooks"))
    assert " 1 " in printed
    assert printed.strip().endswith(sys.executable)


def test_failure_page_names_notebook_cell_and_error_escaped(first):
    page = text(first[0] / "reports/2026-10/all/20_bad.failed.html")
    assert "20_bad.ipynb" in page
    assert "cell 5 (under &#39;Measure&#39;)" in page
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "s3cret" not in page
    assert str(first[0]) not in page
    assert not (first[0] / "reports/2026-10/all/20_bad.html").exists()


def test_manifest_tells_what_happened(first):
    out = first[0] / "reports"
    entries = manifest.latest(out)
    good, bad = entries["2026-10/all/10_good"], entries["2026-10/all/20_bad"]
    assert good["status"] == "done"
    assert good["parameters"] == {"config": "csat.toml", "period": "2026-10", "by": "region", "where": {}}
    assert good["counts"][0]["used"] == 16
    assert set(good["versions"]) == {"Python", "csatlib", "pandas"}
    assert good["seconds"] > 0
    assert good["error"] is None
    assert len(good["key"]) == 32
    assert bad["cell"] == "cell 5 (under 'Measure')"
    assert "s3cret" not in text(out / manifest.FILE)


def test_index_has_question_answer_reason_and_relative_links(first):
    page = text(first[1].index)
    assert '<a href="2026-10/all/10_good.html">Is it good?</a>' in page
    assert "42 &amp; 2026-10" in page
    assert "needs table `complaints`, which the company lacks" in page
    assert 'href="2026-10/all/20_bad.failed.html"' in page
    assert "<script" not in page


def test_every_page_has_the_policy_and_no_outside_reference(first):
    pages = sorted(first[0].glob("reports/**/*.html"))
    assert [page.name for page in pages] == [
        "10_good.html",
        "20_bad.failed.html",
        "glossary.html",
        "history.html",
        "index.html",
    ]
    for page in map(text, pages):
        assert re.search(r"""<meta [^>]*content="default-src 'none'|<meta [^>]*default-src &#39;none&#39;""", page)
        assert not re.search(r"""(src|href|action)\s*=\s*["']?\s*(\w+:)?//""", page)
        assert not re.search(r"@import|url\((?!['\"]?data:)", page)
        assert "<script" not in page


def test_index_is_rebuilt_from_executed_notebooks_alone(project):
    (project / "reports" / manifest.FILE).unlink()
    page = text(site.build(project / "reports", company="Tiny"))
    assert '<a href="2026-10/all/10_good.html">Is it good?</a>' in page
    assert "42 &amp; 2026-10" in page


def test_unchanged_is_skipped_and_a_changed_notebook_is_not(project, capfd):
    result = run(project / "csat.toml", only="10*")
    assert [outcome.status for outcome in result.outcomes] == ["unchanged"]
    write(project, "10_good", book("Is it still good?", "1 + 1"))
    result = run(project / "csat.toml", only="10_good")
    assert [outcome.status for outcome in result.outcomes] == ["done"]
    assert "Is it still good?" in text(result.index)
    assert capfd.readouterr() == ("", "")


def test_a_failure_keeps_the_last_good_report_until_the_next_success(project):
    good = project / "reports/2026-10/all/10_good.html"
    before = good.read_bytes()
    write(project, "10_good", book("Is it good?", "1 / 0"))
    result = run(project / "csat.toml", only="10_good")
    failed = good.with_suffix(".failed.html")
    assert result.failed
    assert good.read_bytes() == before
    assert "Open the last good report" in text(failed)
    assert "The report linked above is the last good one." in text(result.index)
    write(project, "10_good", book("Is it good?", "1 / 1"))
    assert not run(project / "csat.toml", only="10_good").failed
    assert not failed.exists()
    assert good.read_bytes() != before


def test_a_figure_without_alt_text_fails_the_job(project):
    png = "'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='"
    show = f"from IPython.display import display\ndisplay({{'image/png': {png}}}, raw=True)"
    write(project, "10_good", book("Is it good?", show))
    (failed,) = run(project / "csat.toml", only="10_good").failed
    assert "cell 5 (under 'Measure'): an image has no alt text" in failed.reason


def test_dead_kernel_is_retried_once(project):
    die = (
        "import os, pathlib, signal\nflag = pathlib.Path('died')\n"
        "if not flag.exists():\n    flag.touch()\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    write(project, "10_good", book("Is it good?", die))
    (outcome,) = run(project / "csat.toml", only="10_good").outcomes
    assert outcome.status == "done"


def test_a_cell_that_never_ends_fails_and_is_named(project):
    write(project, "10_good", book("Is it good?", "import time\ntime.sleep(60)"))
    (outcome,) = run(project / "csat.toml", only="10_good", timeout=1).outcomes
    assert outcome.status == "failed"
    assert "longer than 1 seconds in cell 5" in outcome.reason


def test_wrong_use_starts_nothing(project):
    before = text(project / "reports" / manifest.FILE)
    config = project / "csat.toml"
    with pytest.raises(ValueError, match=r"(?s)did you mean 'by'.*where must be dict.*--period"):
        run(config, set={"bye": "plan", "where": "3", "period": "2026-09"})
    with pytest.raises(ValueError, match="10_good"):
        run(config, only="99*")
    with pytest.raises(ValueError, match="not both"):
        run(config, period="2026-10", last=2)
    with pytest.raises(ValueError, match="2026-13"):
        run(config, period="2026-13")
    with pytest.raises(ValueError, match="did you mean 'region'"):
        run(config, each="regoin")
    assert text(project / "reports" / manifest.FILE) == before


def test_parameters_of_the_settings_reach_the_notebooks(project, monkeypatch):
    given = []
    monkeypatch.setattr("csatlib.publish.execution.execute", lambda *a, **k: given.append(k) or {"error": "no"})
    config, before = project / "csat.toml", text(project / "csat.toml")
    config.write_text(before + "\n[parameters]\nby = 'plan'\n", encoding="utf-8")
    run(config, only="10_good", force=True)
    run(config, only="10_good", force=True, set={"by": "region"})
    assert [call["parameters"]["by"] for call in given] == ["plan", "region"]
    config.write_text(before + "\n[parameters]\nbye = 'plan'\nperiod = '2026-09'\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"(?s)\[parameters\] bye.*did you mean 'by'.*period.*--period or --last"):
        run(config, only="10_good")
    config.write_text(before, encoding="utf-8")


def test_each_gives_a_set_per_value_and_the_total(project, monkeypatch):
    monkeypatch.setattr("csatlib.publish.execution.execute", lambda *args, **given: {"error": "not executed"})
    result = run(project / "csat.toml", only="10_good", each="region", last=2, force=True)
    folder = plan.segment_folder(("region", "South & East"))
    per_month = ["all", "region-North", folder]
    expected = [f"{month}/{segment}/10_good" for month in ("2026-10", "2026-09") for segment in per_month]
    assert [outcome.job for outcome in result.outcomes] == expected
    entry = manifest.latest(project / "reports")[f"2026-09/{folder}/10_good"]
    assert entry["parameters"]["where"] == {"region": "South & East"}
    assert entry["parameters"]["period"] == "2026-09"
    page = text(result.index)
    assert page.index("2026-10</h2>") < page.index("2026-09</h2>")
    assert page.index("All customers</h3>") < page.index("region: North</h3>")
    assert "region: South &amp; East" in page


def test_key_follows_everything_a_page_depends_on(project, monkeypatch):
    config = project / "csat.toml"

    def key(snapshot="aa", **changes):
        found = plan.find(project, "10_good")
        path = project / snapshot
        path.mkdir(exist_ok=True)
        (path / "responses.parquet").touch()
        (job,) = plan.jobs(found, config=config, snapshot=path, periods=["2026-10"], settings=changes)
        return job.key

    keys = [key(), key(snapshot="bb"), key(by="plan")]
    (project / "requirements.lock").write_text("pandas==3.1")
    keys.append(key())
    config.write_text(CONFIG + "min_base = 12\n")
    keys.append(key())
    monkeypatch.setattr(plan, "sources_digest", lambda: "other sources")
    keys.append(key())
    write(project, "10_good", book("Is it good?", "2 + 2"))
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == keys[-1]


def test_outputs_of_the_committed_notebook_do_not_change_the_key(project):
    path = project / "notebooks" / "10_good.ipynb"
    before = plan.read(path).digest
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = [v4.new_output("stream", name="stdout", text="x")]
    nbformat.write(notebook, path)
    assert plan.read(path).digest == before


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("not json", "not a notebook"), (book("Q", parameters="period = str(3)"), "only `name = literal`")],
)
def test_a_broken_notebook_is_a_failed_job(project, broken, reason):
    path = project / "notebooks" / "40_broken.ipynb"
    path.write_text(broken if isinstance(broken, str) else nbformat.writes(broken))
    (failed,) = run(project / "csat.toml", only="40*").failed
    assert reason in failed.reason
    assert (project / "reports/2026-10/all/40_broken.failed.html").exists()


@pytest.mark.parametrize(
    ("default", "given", "value"),
    [
        ("region", "plan", "plan"),
        ("region", "'12'", "12"),
        ("region", "12", "12"),
        (5, "12", 12),
        (0.5, "1", 1.0),
        (True, "false", False),
        ({}, "{'plan': 'Max'}", {"plan": "Max"}),
        (None, "plan", "plan"),
        (None, "3", 3),
        ([1], [2, 3], [2, 3]),
    ],
)
def test_settings_take_the_type_of_the_parameter(default, given, value):
    assert plan.convert(plan.Parameter("x", default), given) == value
    assert type(plan.convert(plan.Parameter("x", default), given)) is type(value)


@pytest.mark.parametrize(("default", "given"), [(5, "many"), (5, "0.5"), (5, "True"), (True, "1"), ({}, "[]")])
def test_settings_of_another_type_are_refused(default, given):
    with pytest.raises(ValueError, match=f"x must be {type(default).__name__}"):
        plan.convert(plan.Parameter("x", default), given)


def test_torn_line_of_the_manifest_is_passed_over(tmp_path):
    manifest.append(tmp_path, {"job": "a", "status": "done"})
    with open(tmp_path / manifest.FILE, "a") as file:
        file.write('{"job": "b", "sta')
    manifest.append(tmp_path, {"job": "a", "status": "failed"})
    assert manifest.read(tmp_path) == [{"job": "a", "status": "done"}, {"job": "a", "status": "failed"}]
    assert json.loads(text(tmp_path / manifest.FILE).splitlines()[-1])["status"] == "failed"


@pytest.mark.parametrize(
    "secret",
    [
        "mysql://root:hunter22@db/x",
        "password = 'hunter22'",
        "token=hunter22",
        "API_KEY: hunter22",
        "hunter22@x.org",
    ],
)
def test_secrets_are_masked(secret):
    assert "hunter22" not in manifest.redact(f"cannot open {secret} now")
    assert manifest.redact("cannot open " + secret).startswith("cannot open ")


def test_lessons_make_no_report_unless_named(project):
    lesson = book("How does it work?")
    lesson.metadata["csatlib"]["lesson"] = True
    write(project, "00_lesson", lesson)
    names = {only: [found.name for found in plan.find(project, only)] for only in (None, "*", "00_lesson")}
    assert names[None] == names["*"] == ["10_good", "20_bad", "30_lacking"]
    assert names["00_lesson"] == ["00_lesson"]


def test_secret_of_the_environment_is_masked(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "correct horse")
    assert manifest.redact("refused: correct horse") == "refused: ***"


def test_another_settings_file_reaches_the_notebook(project, monkeypatch):
    monkeypatch.setattr("csatlib.publish.execution.execute", lambda *args, **given: {"error": "not executed"})
    (project / "csat.toml").rename(project / "acme.toml")
    run(project / "acme.toml", only="10_good")
    entry = manifest.latest(project / "reports")["2026-10/all/10_good"]
    assert entry["parameters"]["config"] == "acme.toml"


def test_personal_numbers_in_an_error_are_masked():
    text = "ValueError: columns must be numbers: 'q1' holds 'call 13812345678' 3 times on 2026-10-01"
    assert manifest.redact(text) == text.replace("13812345678", "[phone]")


def test_an_error_that_names_a_parameters_value_says_how_to_choose_another():
    given = {
        "config": "csat.toml",
        "period": "2026-10",
        "by": "region",
        "scale": "servqual",
        "top": 5,
        "where": {},
    }
    said = remedy("KeyError: \"column not found: 'region'. The data has 11 columns\"", given)
    assert said == "; choose another value with --set by=... or [parameters] of csat.toml, here it is region"
    assert remedy("ValueError: '2026-10' is no value of 'period'", given) == ""
    assert remedy("KeyError: 'regional'", given) == ""
