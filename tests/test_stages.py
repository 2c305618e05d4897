"""The second stage: 9x notebooks run last, read the run's findings, and are made anew when those change."""

import json

import nbformat
import pytest
from test_publish import PARAMETERS, book, company, write

from csatlib.publish.run import run

FINDS = (
    "from IPython.display import display\n"
    "found = {'metric': 'm', 'period': period, 'estimate': FIGURE, 'statement': 's'}\n"
    "display({'application/vnd.csatlib.finding+json': found, 'text/plain': 's'}, raw=True)"
)
READS = (
    "import json, pathlib\n"
    "there = sorted(path.stem for path in pathlib.Path(findings_from).glob('*.ipynb'))\n"
    "print(period, there)"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two notebooks that find, one that decides; the one that decides comes first in a plain order of words."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    config = company(tmp_path / "project")
    own = PARAMETERS + '\nfindings_from = "."  # folder'
    write(config.parent, "90_decide", book("What now?", READS, parameters=own))
    write(config.parent, "92_late", book("And then?", "print(1)"))
    finds = FINDS.replace("FIGURE", "1")
    write(config.parent, "20_finds", book("What is?", finds))
    return config


def states(result):
    return {outcome.job: outcome.status for outcome in result.outcomes}


def printed(config, period):
    path = config.parent / "reports" / period / "all" / "90_decide.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for c in cells for o in c.get("outputs", ()))


def test_those_that_decide_run_after_those_that_find(project):
    seen = []
    result = run(project, last=2, jobs=2, progress=lambda outcome, *_: seen.append(outcome))
    assert not result.failed
    # earlier periods first, since a page looks at the one before
    assert [outcome.job for outcome in seen[-2:]] == ["2026-09/all/90_decide", "2026-10/all/90_decide"]
    assert [outcome.job for outcome in result.outcomes][:3] == [
        "2026-10/all/20_finds",
        "2026-10/all/90_decide",
        "2026-10/all/92_late",
    ]
    assert "2026-10 ['20_finds', '92_late']" in printed(project, "2026-10")
    assert set(states(run(project, last=2)).values()) == {"unchanged"}
    other = FINDS.replace("FIGURE", "2")
    write(project.parent, "20_finds", book("What is?", other))
    again = states(run(project, period="2026-10"))
    assert again == {
        "2026-10/all/20_finds": "done",
        "2026-10/all/90_decide": "done",  # not itself changed: what it reads was
        "2026-10/all/92_late": "unchanged",
    }


def test_findings_of_a_notebook_that_failed_do_not_count(project):
    """The last good report stays published, but the page that decides must not read it as this run's."""
    counts = (
        "from csatlib import decisions\n"
        "found = decisions.collected(findings_from, period=period, expected=['20_finds'])\n"
        "print(len(found.findings), found.missing.values.tolist())"
    )
    own = PARAMETERS + '\nfindings_from = "."  # folder'
    write(project.parent, "90_decide", book("What now?", counts, parameters=own))
    recorded = (
        "from csatlib import findings\n"
        "row = {'estimate': 1, 'ci_low': 0, 'ci_high': 2, 'n': 99}\n"
        "findings.record('m', row, period=period, unit='points', statement='One.')\n"
    )
    write(project.parent, "20_finds", book("What is?", recorded))
    assert not run(project, period="2026-10").failed
    assert "1 []" in printed(project, "2026-10").replace("[['92_late', 'none']]", "[]")
    write(project.parent, "20_finds", book("What is?", recorded, "raise ValueError('no')"))
    result = run(project, period="2026-10")
    assert states(result)["2026-10/all/90_decide"] == "done"  # anew, though no finding changed
    assert (project.parent / "reports/2026-10/all/20_finds.html").exists()
    assert "0 [['20_finds', 'failed']" in printed(project, "2026-10")
    assert states(run(project, period="2026-10"))["2026-10/all/90_decide"] == "unchanged"
    write(project.parent, "20_finds", book("What is?", recorded))
    assert states(run(project, period="2026-10"))["2026-10/all/90_decide"] == "done"
    assert "1 []" in printed(project, "2026-10").replace("[['92_late', 'none']]", "[]")


def test_a_broken_page_is_no_finding_and_what_is_set_goes_first(project):
    (project.parent / "reports" / "2026-10" / "all").mkdir(parents=True)
    (project.parent / "reports" / "2026-10" / "all" / "21_torn.ipynb").write_text("{", encoding="utf-8")
    result = run(project, period="2026-10", only="90*", set={"findings_from": "elsewhere"})
    assert not result.failed
    raw = json.loads((project.parent / "reports/2026-10/all/90_decide.ipynb").read_text(encoding="utf-8"))
    assert raw["metadata"]["csatlib"]["run"]["parameters"]["findings_from"] == "elsewhere"
