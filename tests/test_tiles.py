"""Tiles: three words, small bases, plain text, the numbers behind them."""

import pandas as pd
import pytest

from csatlib import exhibit, theme, tiles


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(tiles, "display", lambda data, raw: seen.append(data))
    return seen


LEVEL = {"label": "NPS", "unit": "points", "decimals": 0, "n": 90, "n_eff": 90, "estimate": 23.4}
LEVEL |= {"ci_low": 15.2, "ci_high": 31.3}
CHANGE = {"label": "NPS", "comparison": "previous", "n": 90, "n_reference": 80, "estimate": -4.2}
CHANGE |= {"ci_low": -9.0, "ci_high": 0.6, "p_adjusted": 0.2}
WORDS = {"previous": "Last month", "target": "Target"}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"estimate": 4.0, "p_adjusted": 0.01}, "better"),
        ({"estimate": -4.0, "p_adjusted": 0.01}, "worse"),
        ({"estimate": -4.0, "p_adjusted": 0.01, "lower_is_better": True}, "better"),
        ({"estimate": 4.0, "p_adjusted": 0.01, "lower_is_better": True}, "worse"),
        ({"estimate": 4.0, "p_adjusted": 0.06}, "unknown"),
        ({"estimate": 4.0, "p_adjusted": float("nan")}, "unknown"),
        ({"estimate": 4.0, "p_adjusted": 0.01, "indicative": True}, "unknown"),
        ({"estimate": 4.0, "p_adjusted": 0.01, "hidden": True}, "unknown"),
    ],
)
def test_a_comparison_gets_one_of_three_words(row, word):
    assert tiles.verdict(row) == word


def test_a_tile_shows_figure_interval_n_and_comparisons(shown):
    other = CHANGE | {"comparison": "target", "n_reference": float("nan"), "estimate": 9.0, "p_adjusted": 0.001}
    tiles.show(pd.DataFrame([LEVEL]), pd.DataFrame([CHANGE, other]), comparisons=WORDS, caption="Scores, October")
    text, page = shown[0]["text/plain"], shown[0]["text/html"]
    assert text.splitlines() == [
        "NPS: 23 points (15 to 31, n = 90)",
        f"  Last month: cannot tell {theme.number(-4.2, 0)} ({theme.number(-9, 0)} to +1)",
        f"  Target: better +9 ({theme.number(-9, 0)} to +1)",
    ]
    assert 'class="csat-better"' in page
    assert "Scores, October" in page
    assert [row[:2] for row in exhibit.values(shown[0][exhibit.MIME])] == [
        ["NPS", "Figure of the period"],
        ["NPS", "Last month"],
        ["NPS", "Target"],
    ]


def test_names_are_escaped_and_small_bases_hidden(shown):
    few = LEVEL | {"label": "<b>x</b>", "n": 4}
    tiles.show(
        pd.DataFrame([few]), pd.DataFrame([CHANGE | {"label": "<b>x</b>", "n": 4}]), comparisons=WORDS, caption="c"
    )
    page = shown[0]["text/html"]
    assert "<b>x</b>" not in page
    assert "too few answers" in page
    assert "23" not in page
    assert "23" not in shown[0]["text/plain"]


def test_a_hidden_comparison_shows_no_size(shown):
    hidden = CHANGE | {"n_reference": 3, "p_adjusted": 0.001}
    tiles.show(pd.DataFrame([LEVEL]), pd.DataFrame([hidden]), comparisons=WORDS, caption="c")
    assert shown[0]["text/plain"].splitlines()[1] == f"  Last month: cannot tell {theme.HIDDEN}"


def test_few_effective_answers_are_marked_and_judged_by_nobody(shown):
    few = CHANGE | {"n_eff": 20, "p_adjusted": 0.001}
    tiles.show(pd.DataFrame([LEVEL | {"n_eff": 20}]), pd.DataFrame([few]), comparisons=WORDS, caption="c")
    assert "cannot tell" in shown[0]["text/plain"]
    assert f"23 {theme.INDICATIVE}" in shown[0]["text/html"]
    assert "indicative" in shown[0]["text/html"]
