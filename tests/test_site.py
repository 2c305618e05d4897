"""The index over time: small lines of what the pages say, the history of runs, the words explained."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csatlib import words
from csatlib.publish import frozen, glossary, history, languages, manifest, site, trends

FIGURES = {"2026-05": 17.0, "2026-06": 13.0, "2026-08": 20.0, "2026-09": None, "2026-10": 23.0}


def finding(period, value, metric="executive.nps", **rest):
    limits = {"ci_low": None, "ci_high": None} if value is None else {"ci_low": value - 8, "ci_high": value + 9}
    said = "Not shown: too few answers." if value is None else f"NPS: {value:.0f} points."
    row = {"metric": metric, "group": "all", "period": period, "unit": "points", "estimate": value, "n": 300.0}
    row |= {"n_eff": 290.0, "direction": "higher_is_better", "statement": said, "label": "NPS", "decimals": 0}
    return row | limits | rest


def publish(out, period, found, *, finished="2026-11-01 08:00 UTC", snapshot="a" * 64, part="all", name="90_x"):
    """Put an executed notebook and its page where a run would."""
    path = out / period / part / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    run = {"period": period, "segment": None, "finished": finished, "snapshot": snapshot, "key": "k"}
    runs = history.continued(path, run=run, found=found)
    outputs = [{"output_type": "display_data", "data": {history.FINDING: one}, "metadata": {}} for one in found]
    cells = [{"cell_type": "markdown", "source": "# Where do we stand?", "metadata": {}}]
    cells += [{"cell_type": "code", "source": "", "metadata": {}, "outputs": outputs}]
    book = {
        "cells": cells,
        "metadata": {"csatlib": {"run": run, "runs": runs}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(book), encoding="utf-8")
    path.with_suffix(".html").write_text("page", encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path):
    for period, value in FIGURES.items():
        change = finding(
            period, 4.0, "executive.change.nps", statement="Against the period before: cannot tell, +4."
        )
        publish(tmp_path, period, [finding(period, value, target=25.0), change])
    return tmp_path


def text(path):
    return path.read_text(encoding="utf-8")


def test_a_period_without_a_figure_is_a_gap_and_no_line(out):
    [card] = trends.cards(history.published(out), "2026-10/all", min_rank=30)
    assert (card["figure"], card["span"], card["target"]) == ("23", "15 to 32, n = 300", "Target 25")
    assert card["change"] == "Against the period before: cannot tell, +4."
    trend = card["trend"]
    assert len(trend["dots"]) == 4
    [(one, other)] = trend["lines"]  # May to June; July was not run, September is hidden
    assert [dot["x"] for dot in (one, other)] == [dot["x"] for dot in trend["dots"][:2]]
    steps = [b["x"] - a["x"] for a, b in zip(trend["dots"], trend["dots"][1:], strict=False)]
    assert steps == pytest.approx([steps[0], 2 * steps[0], 2 * steps[0]], abs=0.3)
    assert "2026-07 no figure" in trend["alt"]
    assert "2026-09 no figure" in trend["alt"]
    assert "2026-06 13 (5 to 22)" in trend["alt"]
    assert "target 25" in trend["alt"]
    assert [row["period"] for row in card["rows"]] == ["2026-10", "2026-09", "2026-08", "2026-06", "2026-05"]


@given(st.lists(st.none() | st.floats(-100, 100), min_size=1, max_size=13))
def test_dots_lie_inside_and_higher_figures_higher(values):
    slots = [f"S{k}" for k in range(len(values))]
    series = [None if value is None else finding(slot, value) for slot, value in zip(slots, values, strict=True)]
    drawn = trends.drawn(slots, series, min_rank=30)
    known = [value for value in values if value is not None]
    if len(known) < 2:
        assert drawn is None
        return
    heights = [dot["y"] for dot in drawn["dots"]]
    assert len(heights) == len(known)
    for dot in drawn["dots"]:
        assert 0 <= dot["high"] <= dot["y"] <= dot["low"] <= drawn["height"]
        assert 0 <= dot["x"] <= drawn["width"]
    order = sorted(range(len(known)), key=known.__getitem__)
    assert [heights[at] for at in order] == sorted(heights, reverse=True)


def test_a_small_base_is_an_open_dot_with_a_dagger():
    few = finding("2026-10", 23.0, n_eff=12.0)
    series = [finding("2026-09", 20.0), few]
    drawn = trends.drawn(["2026-09", "2026-10"], series, min_rank=30)
    assert [dot["open"] for dot in drawn["dots"]] == [False, True]
    assert trends._card(few, 30)["figure"] == "23 †"


def test_months_quarters_and_restatements_are_kept_apart(out):
    publish(out, "2026-Q3", [finding("2026-Q3", 50.0)])
    publish(out, "2026-10", [finding("2026-10", 99.0)], part="all-restated-2026-12-01")
    books = history.published(out)
    assert trends.latest([*books]) == {"2026-10", "2026-Q3"}
    [quarter] = trends.cards(books, "2026-Q3/all", min_rank=30)
    assert quarter["trend"] is None
    [month] = trends.cards(books, "2026-10/all", min_rank=30)
    assert month["figure"] == "23"
    assert "99" not in month["trend"]["alt"]


def test_index_shows_lines_and_links_and_older_periods_in_short(out):
    page = text(site.build(out, company="Tiny"))
    assert page.count("<svg") == 1
    assert 'role="img" aria-label="NPS from 2026-05 to 2026-10' in page
    for name in ("history.html", "glossary.html"):
        assert f'href="{name}"' in page
        assert (out / name).exists()
    assert 'href="2026-08/all/90_x.html"' in page
    assert page.count("NPS: 20 points.") == 3  # heads of its section, its answer, and the newest list
    assert "<script" not in page


def test_first_run_then_same_data_then_other_data(tmp_path):
    one = publish(tmp_path, "2026-10", [finding("2026-10", 20.0), finding("2026-10", 1.0, "b")])
    publish(tmp_path, "2026-10", [finding("2026-10", 20.0), finding("2026-10", 1.0, "b")])
    later = {"finished": "2026-12-01 09:00 UTC", "snapshot": "b" * 64}
    publish(tmp_path, "2026-10", [finding("2026-10", 23.0), finding("2026-10", 5.0, "c")], **later)
    runs = json.loads(text(one))["metadata"]["csatlib"]["runs"]
    assert [run.get("changed") for run in runs] == [None, 0, 3]
    assert runs[2]["figures"] == [
        {"old": "NPS: 20 points.", "new": "NPS: 23 points."},
        {"old": None, "new": "NPS: 5 points."},
        {"old": "NPS: 1 points.", "new": None},
    ]
    [period] = history.periods(tmp_path, history.published(tmp_path))
    said = [(row["when"], row["what"]) for row in period["groups"][0]["rows"]]
    assert said[0] == ("2026-12-01 09:00 UTC", "Reports made again, on other data: 1. Figures changed: 3.")
    assert sorted(what for _, what in said[1:]) == [
        "Reports made again, on the same data: 1. No figure changed.",
        "Reports made: 1.",
    ]


def test_texts_of_old_runs_are_let_go_their_number_stays(tmp_path):
    for value in range(history.KEPT + 4):
        path = publish(tmp_path, "2026-10", [finding("2026-10", float(value))])
    runs = json.loads(text(path))["metadata"]["csatlib"]["runs"]
    assert len(runs) == history.KEPT + 4
    assert [run.get("changed") for run in runs] == [None] + [1] * (history.KEPT + 3)
    assert [bool(run.get("figures")) for run in runs] == [False] * 4 + [True] * history.KEPT


def test_history_comes_back_from_the_executed_notebooks_alone(out):
    later = {"finished": "2026-12-01 09:00 UTC", "snapshot": "b" * 64}
    publish(out, "2026-10", [finding("2026-10", 24.0, target=25.0)], **later)
    site.build(out)
    before = {name: text(out / f"{name}.html") for name in site.PAGES}
    for name in (history.FILE, *(f"{page}.html" for page in site.PAGES)):
        (out / name).unlink()
    assert not (out / manifest.FILE).exists()
    site.build(out)
    assert {name: text(out / f"{name}.html") for name in site.PAGES} == before
    assert "NPS: 23 points." in before["history"]
    assert "NPS: 24 points." in before["history"]
    (out / history.FILE).write_text("[torn", encoding="utf-8")
    site.build(out)
    assert text(out / "history.html") == before["history"]


def test_what_has_not_changed_is_not_read_again(out, monkeypatch):
    history.published(out)
    monkeypatch.setattr(history, "_book", lambda path: pytest.fail(f"{path} was read"))
    assert len(history.published(out)) == len(FIGURES)


def test_failures_releases_and_restatements_stand_in_the_history(out):
    failed = {
        "job": "2026-10/all/14_c",
        "notebook": "14_c",
        "period": "2026-10",
        "status": "failed",
        "title": "C?",
    }
    manifest.append(out, failed | {"finished": "2026-11-02 08:00 UTC", "snapshot": "a" * 64, "error": "<b>no</b>"})
    released = {frozen.KEY: "2026-10", "by": "Ann Lee", "at": "2026-11-03 08:00 UTC", "snapshot": "a" * 64}
    manifest.append(out, released | {"files": frozen.hashes(out, "2026-10")})
    later = {"finished": "2026-12-01 09:00 UTC", "snapshot": "b" * 64}
    publish(out, "2026-10", [finding("2026-10", 24.0)], part="all-restated-2026-12-01", **later)
    (out / "2026-10" / "all-restated-2026-12-01" / "restatement.html").write_text("old, new", encoding="utf-8")
    newest = history.periods(out, history.published(out))[0]
    own, restated = newest["groups"]
    assert [row["what"] for row in own["rows"]] == [
        "Released by Ann Lee.",
        "Reports failed: 1.",
        "Reports made: 1.",
    ]
    assert restated["label"] == "Restated on 2026-12-01: All customers"
    assert restated["sheet"] == "2026-10/all-restated-2026-12-01/restatement.html"
    site.build(out)
    page = text(out / "history.html")
    assert restated["sheet"] in page
    assert "C?: &lt;b&gt;no&lt;/b&gt;" in page


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_words_are_explained_once_in_each_language(out, language):
    with languages.speaking(language):
        groups = glossary.terms()
        site.build(out, language=language)
    anchors = [term["anchor"] for group in groups for term in group["terms"]]
    assert len(anchors) == len(set(anchors))
    page = text(out / "glossary.html")
    for anchor in (*("nps", "csat", "interval", "n", "random-variation", "indicative", "gap", "restated"),):
        assert f'id="{anchor}"' in page
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
