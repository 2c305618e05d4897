import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from csatlib.scores import answers, ces, change, csat, headlines, kept, nps, together
from csatlib.scores.pushed import pushed as pushed_together
from csatlib.scores.question import Question
from csatlib.stats.rows import replicate_groups

QUESTION = Question("nps", 0, 10, 9, whole=True)
WANTED = {
    "NPS": {"score": "nps", "target": 30},
    "Satisfied": {"score": "top_box", "outcome": "overall", "where": {"survey": "calls"}},
    "Mean": {"score": "mean", "outcome": "overall", "low": 1, "high": 5, "where": {"survey": "calls"}},
    "Easy": {"score": "top_box", "outcome": "ces", "high": 7, "top": 5, "where": {"survey": ["calls", "shop"]}},
    "Old": {"score": "nps", "where": {"age": "old", "number": [*range(600)]}},
}
DESIGNS = [
    {"key": "response_id"},
    {"cluster": "customer_id", "key": "response_id"},
    {"cluster": "customer_id", "key": "response_id", "weight": "w"},
    {"cluster": "number", "weight": "w"},
]


def pushed(data, question, **given):
    return pushed_together(data, [(question, {})], **given)[0]


def survey(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 900, n)
    customer = pd.Series([f"C{i:05}" for i in number], dtype="str")
    data = pd.DataFrame(
        {
            "response_id": np.arange(n),
            "customer_id": customer.mask(rng.random(n) < 0.1),
            "number": number,
            "nps": pd.Series(rng.integers(0, 11, n)).astype(float).mask(rng.random(n) < 0.1),
            "overall": rng.integers(10, 51, n) / 10,
            "ces": rng.integers(1, 8, n),
            "region": pd.Series(rng.choice(["N", "S", "E"], n), dtype="str").mask(rng.random(n) < 0.05),
            "age": rng.choice(["old", "young"], n),
            "period": rng.choice(["2026-09", "2026-10"], n),
            "survey": pd.Series(rng.choice(["calls", "shop", "web"], n), dtype="str").mask(rng.random(n) < 0.05),
            "w": rng.choice([0, 0.5, 1.3, 2.9], n),
        }
    )
    web = (data["survey"] == "web") & (number < 90)
    data["region"] = data["region"].mask(web, "only web")
    return data.assign(replicate=replicate_groups(data["customer_id"].fillna("x")).astype("uint8"))


def stored(data):
    return ibis.memtable(pa.Table.from_pandas(data, preserve_index=False))


def same(data, score, **given):
    table = stored(data)
    columns = {name: given[name] for name in ("weight", "cluster", "key") if name in given}
    assert pushed(table, QUESTION, by=["region"], **columns) is not None
    ours, read = score(table, **given), score(data, **given)
    assert_frame_equal(ours, read, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("design", DESIGNS)
def test_sums_of_the_engine_equal_sums_of_rows(design):
    data = survey()
    for score in (nps, csat, ces):
        same(data, score, by="region", within="period", **design)
    same(data, nps, **design)


def test_changes_and_raking_equal_those_from_rows():
    data = survey()
    design = {"cluster": "customer_id", "key": "response_id", "weight": "w"}
    same(data, change, by="region", period="2026-10", time="period", **design)
    same(data, nps, within="period", margins={"age": {"old": 0.4, "young": 0.6}}, **design)


def alone(data, label, **given):
    about = WANTED[label]
    rows = kept(data, about.get("where", {}))
    if about["score"] == "nps":
        found = nps(rows, **given)
    else:
        given |= {name: about[name] for name in ("outcome", "low", "high", "top") if name in about}
        found = csat(rows, **given)
    return found[found["measure"] == about["score"]].reset_index(drop=True)


@pytest.mark.parametrize(
    ("form", "design"), [*((stored, design) for design in DESIGNS), (pd.DataFrame, DESIGNS[2])]
)
def test_scores_together_equal_each_alone(design, form, monkeypatch):
    data = survey()
    if form is stored:
        monkeypatch.setattr(answers, "blocks", None)
    given = {"by": "region", "within": "period", **design}
    found = together(form(data), WANTED, **given)
    monkeypatch.undo()
    assert found["label"].unique().tolist() == list(WANTED)
    for label in WANTED:
        one = alone(data, label, **given)
        rows = found[found["label"] == label].reset_index(drop=True)[one.columns]
        assert_frame_equal(rows, one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("margins", [None, {"age": {"old": 0.4, "young": 0.6}}])
def test_headlines_of_a_table_equal_those_of_a_frame(margins):
    data, wanted = survey(), {label: about for label, about in WANTED.items() if label != "Old"}
    given = {"cluster": "customer_id", "key": "response_id", "weight": "w"}
    given |= {"period": "2026-10", "margins": margins}
    table, frame = headlines(stored(data), wanted, **given), headlines(data, wanted, **given)
    for part in ("series", "levels", "changes"):
        assert_frame_equal(getattr(table, part), getattr(frame, part), rtol=1e-12, atol=1e-12)


def test_a_mistake_in_one_question_is_told_and_the_others_are_summed():
    data = survey()
    asked = [(QUESTION, {}), (Question("ces", 1, 5, 4), {}), (Question("region", 1, 5, 4), {})]
    found = pushed_together(stored(data), asked, by=[], key="response_id")
    assert [sums is None for sums in found] == [False, True, True]
    with pytest.raises(ValueError, match=r"'ces' holds \d+ answers outside the scale"):
        together(stored(data), {"Easy": {"score": "top_box", "outcome": "ces"}}, key="response_id")
    elsewhere = [(Question("ces", 1, 5, 4), {"ces": [1, 2, 3]}), (QUESTION, {"age": "nobody"})]
    found = pushed_together(stored(data), elsewhere, by=[], key="response_id")
    assert found[0].means[0, 5] < 3
    assert found[1] is None


def test_nan_is_missing_and_small_integers_do_not_overflow():
    data = survey()
    data["overall"] = data["overall"].mask(data["number"] < 90)
    held = pa.table({"id": data["response_id"], "ces": data["ces"]})
    table = ibis.memtable(held.append_column("overall", pa.array(data["overall"].to_numpy(), from_pandas=False)))
    assert_frame_equal(csat(table, key="id"), csat(data, key="response_id"), rtol=1e-12)
    asked = [(Question("overall", 1, 5, 4), {}), (Question("ces", 1, 7, 5), {})]
    found = pushed_together(table, asked, by=[], key="id")
    assert found[0].counts[0, 1] == (data["number"] >= 90).sum()
    rate, year = pa.array([100, 0, 90], pa.int8()), pa.array([30000] * 3, pa.int16())
    short = pa.table({"id": [1, 2, 3], "rate": rate, "year": year})
    for name, high, mean in (("rate", 100, 190 / 3), ("year", 30000, 30000)):
        sums = pushed(ibis.memtable(short), Question(name, 0, high, high), by=[], key="id")
        np.testing.assert_allclose(sums.means[0, 5], mean)


def test_stored_groups_are_taken_only_where_they_are_those_of_the_cluster():
    data = survey().dropna(subset="customer_id")
    table = stored(data)
    given = {"cluster": "customer_id", "by": []}
    taken = pushed(table, QUESTION, **given)
    np.testing.assert_array_equal(taken.weight, pushed(table.drop("replicate"), QUESTION, **given).weight)
    other = data.assign(replicate=data["replicate"] ^ 1)
    hashed = pushed(stored(other), QUESTION, **given)
    np.testing.assert_array_equal(taken.weight, hashed.weight)
    late = data.assign(replicate=data["replicate"].where(np.arange(len(data)) < 2000, 7))
    assert (pushed(stored(late), QUESTION, **given).weight[0, 7] > 500).all()


def test_what_the_engine_cannot_sum_is_read():
    data = survey()
    for wrong, given, told in (
        (data.assign(nps=99.0), {"key": "response_id"}, "outside the scale, for example 99"),
        (data.assign(nps=8.5), {"key": "response_id"}, "no whole numbers"),
        (data.assign(w=-1.0), {"key": "response_id", "weight": "w"}, "3000 negative"),
        (data.assign(w=np.nan), {"key": "response_id", "weight": "w"}, "3000 missing"),
    ):
        assert pushed(stored(wrong), QUESTION, by=[], **given) is None
        with pytest.raises(ValueError, match=told):
            nps(stored(wrong), **given)
    assert pushed(stored(data), QUESTION, by=["region"], required=1, key="response_id") is None
    assert pushed(stored(data), QUESTION, by=[], cluster="customer_id") is None
    assert pushed(stored(data.assign(nps="9")), QUESTION, by=[], key="response_id") is None
    assert pushed(stored(data.head(0)), QUESTION, by=[], key="response_id") is None
    assert pushed(data, QUESTION, by=[], key="response_id") is None
    text = data.assign(nps=data["nps"].map({9.0: "very likely", 3.0: "no"}))
    given = {"key": "response_id", "labels": {"very likely": 9, "no": 3}}
    assert_frame_equal(nps(stored(text), **given), nps(text, **given))
    with pytest.raises(KeyError, match="nearest: 'nps'"):
        nps(stored(data), outcome="npss", key="response_id")
    with pytest.raises(ValueError, match="an Ibis table has no row order"):
        nps(stored(data))
