import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from csatlib import cli
from csatlib.publish import plan, run

CONFIG = """
[company]
name = "Tiny"
[source]
path = "data"
"""
ANSWERS = "response_id,responded_at\nR1,2026-10-01\nR2,2026-10-02\n"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project with two answers and no notebook, as the current folder."""
    (tmp_path / "csat.toml").write_text(CONFIG)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "responses.csv").write_text(ANSWERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def csat():
    return lambda *arguments: CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def fake(monkeypatch):
    """Take the place of the runner; keeps what it was asked and gives the outcomes set here."""

    def ask(config, *, progress, **asked):
        fake.asked = {"config": config, **asked}
        for number, outcome in enumerate(fake.outcomes, 1):
            progress(outcome, number, len(fake.outcomes))
        return run.Result(tuple(fake.outcomes), Path.cwd() / "reports" / "index.html")

    fake = ask
    fake.outcomes = [run.Outcome("2026-10/all/10_a", "done", 3.21)]
    monkeypatch.setattr(run, "run", ask)
    return fake


def test_run_passes_everything_on_and_ends_with_the_index(csat, fake):
    arguments = (
        "--period 2026-10 --each region --only 1* --jobs 2 --set by=plan --set top=a=b --force --cold --out o "
        "--backend dask://host:1"
    )
    result = csat("run", *arguments.split())
    assert result.exit_code == 0
    assert fake.asked == {
        "config": "csat.toml",
        "period": "2026-10",
        "last": None,
        "each": "region",
        "only": "1*",
        "jobs": 2,
        "set": {"by": "plan", "top": "a=b"},
        "force": True,
        "cold": True,
        "memory": None,
        "backend": "dask://host:1",
        "out": Path("o"),
        "language": None,
    }
    lines = result.stdout.splitlines()
    assert lines[0] == "[1/1] done 2026-10/all/10_a in 3.2 s"
    assert lines[-1] == os.path.join("reports", "index.html")


def test_a_failed_job_is_exit_status_1_and_is_named(csat, fake):
    fake.outcomes.append(run.Outcome("2026-10/all/20_b", "failed", 1.0, "ValueError: no in cell 5"))
    result = csat("run")
    assert result.exit_code == 1
    assert "failed 2026-10/all/20_b in 1.0 s: ValueError: no in cell 5" in result.stdout
    assert "1 done, 1 failed" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("index.html")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--set", "by"], "name=value"),
        (["run", "--config", "nowhere.toml"], "nowhere.toml"),
        (["run"], "csat new"),
        (["new", "wait-times"], "two digits"),
        (["new", "21_Wait-Times"], "like 21_wait_times"),
        (["new", "21_class"], "two digits"),
    ],
)
def test_wrong_use_is_one_message_and_exit_status_2(csat, project, arguments, message):
    result = csat(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_new_writes_a_notebook_of_the_house_and_a_failing_test(csat, project):
    result = csat("new", "21_wait_times")
    assert result.exit_code == 0
    for part in (
        "notebooks/21_wait_times.ipynb",
        "tests/test_wait_times.py",
        "csatlib/wait_times.py",
        "README",
    ):
        assert part in result.stdout.replace(os.sep, "/")
    notebook = json.loads((project / "notebooks" / "21_wait_times.ipynb").read_text())
    headings = ["".join(c["source"]).splitlines()[0] for c in notebook["cells"] if c["cell_type"] == "markdown"]
    sections = ["Data", "Check", "Measure", "Explain", "What this does not show", "What to do"]
    assert headings[0].startswith("# ")
    assert headings[0].endswith("?")
    assert headings[1:] == [f"## {section}" for section in sections]
    assert notebook["cells"][2]["metadata"]["tags"] == ["parameters"]
    assert notebook["metadata"]["csatlib"] == {"tables": ["responses"], "optional": []}
    (found,) = plan.find(project)
    assert found.error is None
    assert list(found.parameters) == ["config", "period", "by", "where"]
    assert all(parameter.comment for parameter in found.parameters.values())
    test = runpy.run_path(str(project / "tests" / "test_wait_times.py"))["test_by_hand"]
    with pytest.raises(pytest.fail.Exception, match=r"csatlib\.wait_times has no test yet"):
        test()


@pytest.mark.parametrize(
    "there", ["notebooks/21_wait_times.ipynb", "tests/test_wait_times.py", "notebooks/30_wait_times.ipynb"]
)
def test_new_never_overwrites(csat, project, there):
    (project / there).parent.mkdir()
    (project / there).write_text("mine")
    result = csat("new", "21_wait_times")
    assert result.exit_code == 2
    assert there in result.stderr
    files = [path for path in project.rglob("*wait_times*") if path.is_file()]
    assert [path.read_text() for path in files] == ["mine"]


def test_module_is_the_command():
    command = [sys.executable, "-m", "csatlib", "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "run" in answer.stdout
    assert "new" in answer.stdout
    assert "csat" in answer.stdout


def test_the_newly_made_notebook_can_be_planned_and_named_by_its_glob(csat, project):
    csat("new", "21_wait_times")
    result = csat("run", "--only", "22_wait_times")
    assert result.exit_code == 2
    assert "did you mean '21_wait_times'" in result.stderr


def test_check_of_clean_data_is_exit_status_0(csat, project):
    result = csat("check")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["table", "read", "used", "rejected"] in lines
    assert ["responses", "2", "2", "0"] in lines
    assert "no notebooks beside the settings file" in result.stdout
    assert result.stdout.splitlines()[-1] == "no row of 2 was rejected; 0 warnings, 0 notes"


def test_check_tells_every_problem_and_where_the_rejected_rows_are(csat, project):
    rows = ANSWERS.replace("\n", ",{}\n").format("customer_id", "C1", "C9") + "R1,soon,C1\nR3,later,C1\n"
    (project / "data" / "responses.csv").write_text(rows)
    (project / "data" / "customers.csv").write_text("customer_id,joined_on\nC1,2025-01-01\n,2025-01-01\n")
    result = csat("check")
    assert result.exit_code == 1
    text = result.stdout
    for part in (
        "error  customers.customer_id: missing",
        "error  responses.responded_at: not readable as time\n  2 (50.0 %): row 3, 4: 'soon', 'later'\n  -> ",
        "warning  responses.customer_id: not in customers\n  1 (25.0 %): C9",
        "3 of 6 rows were rejected; 1 warning, 0 notes",
    ):
        assert part in text
    (place,) = [line for line in text.splitlines() if line.startswith("rejected rows, each with its reasons: ")]
    folder = Path(place.partition(": ")[2])
    assert {path.name for path in folder.iterdir()} == {"customers.csv", "responses.csv"}


def test_check_names_what_notebooks_lack(csat, project):
    csat("new", "21_wait_times")
    csat("new", "22_visits")
    file = project / "notebooks" / "22_visits.ipynb"
    changed = json.loads(file.read_text())
    changed["metadata"]["csatlib"]["tables"] = ["responses", "contacts", "targets"]
    file.write_text(json.dumps(changed))
    result = csat("check")
    assert "21_wait_times: can run" in result.stdout
    assert "22_visits: lacks contacts, targets" in result.stdout


@pytest.mark.parametrize(
    ("file", "text", "messages"),
    [
        ("csat.toml", CONFIG + "[report]\nmin_bass = 1\nmin_rank = 0\n", ["min_bass", "did you mean", "min_rank"]),
        ("data/responses.csv", "", ["responses.csv"]),
        ("data/responses.csv", "a,b\n1,2\n", ["response_id", "responded_at"]),
    ],
)
def test_check_of_what_cannot_be_read_is_exit_status_2(csat, project, file, text, messages):
    (project / file).write_text(text)
    result = csat("check")
    assert result.exit_code == 2
    assert not [message for message in messages if message not in result.stderr]
    assert isinstance(result.exception, SystemExit)


def test_check_in_a_terminal_draws_a_table(csat, project, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = csat("check")
    assert "┃" in result.stdout
    assert "responses" in result.stdout


def test_check_keeps_escape_sequences_off_the_terminal(csat, project):
    (project / "data" / "responses.csv").write_text(
        "response_id,responded_at,customer_id\nR1,2026-10-01,\x1b[31mC9\n"
    )
    (project / "data" / "customers.csv").write_text("customer_id,joined_on\nC1,2025-01-01\n")
    result = csat("check")
    assert "[31mC9" in result.stdout
    assert "\x1b" not in result.stdout
