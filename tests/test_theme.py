import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from csatlib import disclosure, theme


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What would be displayed: a list of (data, metadata)."""
    outputs = []
    monkeypatch.setattr(theme, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata)))
    theme.use()
    return outputs


def result(n=(120, 40), **columns):
    size = len(n)
    made = {"group": list("ABCDEF"[:size]), "label": [f"Row {i}" for i in range(size)], "estimate": 1.234}
    return pd.DataFrame(made | {"ci_low": 1.0, "ci_high": 1.5, "n": n} | columns)


def test_table_shows_interval_and_n(shown):
    theme.table(result(), caption="Gap", rows={"label": "Dimension"})
    html = shown[0][0]["text/html"]
    assert "<figcaption>Gap</figcaption>" in html
    assert "1.23 <small>[1.00, 1.50]</small>" in html
    assert '<th scope="col">n</th>' in html
    assert "<td>120</td>" in html


def test_a_small_base_is_hidden_and_the_next_smallest_with_it(shown):
    theme.table(result((120, 9, 15)), caption="Gap", rows={"label": "Region"})
    text = shown[0][0]["text/plain"]
    assert text.count(theme.HIDDEN) == 4
    assert "120" in text
    assert not any(number in text.split() for number in ("9", "15"))
    assert "fewer than 10 answers" in shown[0][0]["text/html"]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_a_hidden_group_is_never_alone(bases):
    hidden = disclosure.protect(result(bases))["hidden"]
    assert hidden.sum() != 1
    assert (hidden | (pd.Series(bases) >= 10)).all()


def test_hidden_rows_keep_no_number():
    protected = disclosure.protect(result((5, 6, 50), p_adjusted=0.01))
    assert protected.loc[protected["hidden"], ["estimate", "ci_low", "n", "p_adjusted"]].isna().all(axis=None)


def test_the_smaller_side_of_a_contrast_counts():
    assert disclosure.protect(result((50, 50), n_reference=[5, 50]))["hidden"].tolist() == [True, True]


def test_few_effective_answers_are_marked(shown):
    theme.table(result(n_eff=[100, 29]), caption="Gap", rows={"label": "Region"})
    html = shown[0][0]["text/html"]
    assert html.count(f"1.23 {theme.INDICATIVE} <small>") == 1
    assert "fewer than 30 effective answers" in html


def test_text_from_data_is_inert(shown):
    evil = "<script>alert(1)</script>"
    theme.table(result(label=[evil, "b"]), caption=evil, rows={"label": evil}, note=evil)
    theme.answer(evil, evidence=evil, action=evil)
    assert "<script>" not in "".join(data["text/html"] for data, _ in shown)


def test_spread_makes_columns_in_the_order_named(shown):
    long = pd.concat([result().assign(measure=m, estimate=v) for m, v in (("perception", 5.0), ("gap", -1.0))])
    theme.table(
        long, caption="c", rows={"label": "Row"}, spread="measure", names={"gap": "Gap", "perception": "Got"}
    )
    head = shown[0][0]["text/html"].split("</thead>")[0]
    assert head.index("Gap") < head.index("Got")
    assert "\N{MINUS SIGN}1.00" in shown[0][0]["text/html"]


def test_missing_columns_are_named():
    with pytest.raises(KeyError, match="no column region, measure"):
        theme.table(result(), caption="c", rows={"region": "Region"}, spread="measure")


def test_an_empty_result_says_so(shown):
    theme.table(result().iloc[:0], caption="Change", rows={"label": "Region"})
    assert "Nothing to show" in shown[0][0]["text/html"]


def test_figure_has_title_caption_alt_and_is_closed(shown):
    ax = plt.figure().subplots()
    theme.show(ax, title="It fell.", caption="Gap by month", alt="A line that falls")
    assert shown[0][0]["text/html"] == '<p class="csat-title"><b>It fell.</b></p>'
    data, metadata = shown[1]
    assert metadata["image/png"]["alt"] == data["text/plain"] == "A line that falls"
    assert metadata["image/png"]["caption"] == "Gap by month"
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size[0] > 400
    assert picture.mode == "P"
    assert plt.get_fignums() == []


def test_a_figure_without_words_is_refused():
    with pytest.raises(ValueError, match="alt is missing"):
        theme.show(plt.figure().subplots(), title="t", caption="c")
    plt.close("all")


def test_the_same_figure_gives_the_same_bytes(shown):
    for _ in range(2):
        ax = plt.figure().subplots()
        ax.plot([1, 2, 4])
        theme.show(ax, title="t", caption="c", alt="a")
    assert shown[1][0]["image/png"] == shown[3][0]["image/png"]


@pytest.mark.parametrize(
    ("value", "text"), [(-0.004, "0.00"), (-1.0, "\N{MINUS SIGN}1.00"), (np.nan, "–"), (12345.6, "12,345.60")]
)
def test_numbers_read_well(value, text):
    assert theme.number(value) == text
