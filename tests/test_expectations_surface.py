import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from csatlib.servqual import Item, Scale, expectation_weighing, response_surface
from csatlib.tables.simulate import simulate
from csatlib.tables.simulate.items import DIMENSIONS, ITEMS

SCALE = Scale(
    [
        Item("q1", "speed", "e1", "p1"),
        Item("q2", "speed", "e2", "p2"),
        Item("q3", "care", "e3", "p3"),
        Item("q4", "care", "e4", "p4"),
    ],
    low=1,
    high=7,
)
ONE = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def answered(n=400, seed=0, e=0.0, p=0.6, noise=0.5, style=0.0):
    """Answers to one item and satisfaction that follows e x expected + p x received."""
    rng = np.random.default_rng(seed)
    habit = style * rng.normal(size=n)
    frame = pd.DataFrame({"e1": rng.uniform(2, 6, n) + habit, "p1": rng.uniform(2, 6, n) + habit})
    frame = frame.clip(1, 7)
    return frame.assign(
        y=3 + e * frame["e1"] + p * frame["p1"] + rng.normal(0, noise, n), w=rng.uniform(0.5, 2, n)
    )


def test_recovers_a_surface_without_noise():
    data = answered()
    e, p = data["e1"] - 4, data["p1"] - 4
    data["y"] = 2 - 0.3 * e + 0.5 * p + 0.1 * e * e - 0.2 * e * p + 0.05 * p * p
    found = pick(response_surface(data, scale=ONE, outcome="y").weights, level="overall", model="quadratic")
    shown = found.set_index("term")["estimate"]
    assert_allclose(shown[["E", "P", "E2", "PE", "P2"]], [-0.3, 0.5, 0.1, -0.2, 0.05], atol=1e-9)
    assert_allclose(shown["slope of congruence"], 0.2, atol=1e-9)
    assert_allclose(shown["curvature of congruence"], -0.05, atol=1e-9)
    assert_allclose(shown["slope of incongruence"], 0.8, atol=1e-9)
    assert_allclose(shown["curvature of incongruence"], 0.35, atol=1e-9)


def test_agrees_with_weighted_least_squares_and_its_robust_errors():
    data = answered(2000, e=-0.2)
    found = pick(
        response_surface(data, scale=ONE, outcome="y", weight="w").weights, level="overall", model="linear"
    )
    fit = sm.WLS(data["y"], sm.add_constant(data[["e1", "p1"]] - 4), weights=data["w"]).fit(cov_type="HC1")
    assert_allclose(found["estimate"].iloc[:2], fit.params.iloc[1:], rtol=1e-9)
    half = (found["ci_high"] - found["ci_low"]).iloc[:2] / 2 / 1.97
    # replicates of 256 groups against the sandwich: within 15 %
    assert_allclose(half, fit.bse.iloc[1:], rtol=0.15)


def test_wald_tests_agree_with_robust_ones():
    data = answered(2000, e=-0.2)
    e, p = data["e1"] - 4, data["p1"] - 4
    x = sm.add_constant(pd.DataFrame({"E": e, "P": p, "E2": e * e, "PE": e * p, "P2": p * p}))
    data["y"] += 0.02 * e * e
    fit = sm.OLS(data["y"], x).fit(cov_type="HC1")
    tests = pick(response_surface(data, scale=ONE, outcome="y").tests, level="overall").set_index("test")
    expected = fit.wald_test("E2 = 0, PE = 0, P2 = 0", scalar=True, use_f=True)
    assert_allclose(tests.loc["no curvature", "statistic"], expected.statistic, rtol=0.25)
    assert tests["df"].to_dict() == {
        "equal and opposite weights": 1,
        "no curvature": 3,
        "satisfaction follows the gap": 4,
        "satisfaction follows the squared gap": 4,
    }


@pytest.mark.parametrize(
    ("e", "p", "verdict"),
    [
        (-0.6, 0.6, "gap"),
        (0.0, 0.6, "received"),
        (-0.3, 0.6, "both"),
        (0.3, 0.6, "level"),
        (0.0, 0.0, "cannot tell"),
    ],
)
def test_verdicts(e, p, verdict):
    found = response_surface(answered(600, e=e, p=p), scale=ONE, outcome="y")
    assert pick(found.verdicts, level="overall")["verdict"].item() == verdict
    told = expectation_weighing.surface(found)
    assert "Different customers are compared" in told
    assert not any(word in told for word in ("drives", "effect", "significant"))


def test_the_squared_gap_is_recognised():
    data = answered(800)
    data["y"] = 6 - 0.2 * (data["p1"] - data["e1"]) ** 2 + np.random.default_rng(1).normal(0, 0.5, 800)
    tests = pick(response_surface(data, scale=ONE, outcome="y").tests, level="overall").set_index("test")[
        "p_value"
    ]
    assert tests["satisfaction follows the squared gap"] > 0.05
    assert tests["no curvature"] < 0.001


def panel(seed=0, customers=300, each=4, style=1.0, e=0.0):
    """Satisfaction holds less of a person's habit than both sides do; expectation itself has weight e."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), each)
    habit, n = (style * rng.normal(size=customers))[who], customers * each
    want, get = 5 + rng.normal(0, 0.6, n), 4 + rng.normal(0, 0.8, n)
    frame = pd.DataFrame({f"e{i}": want + habit + rng.normal(0, 0.2, n) for i in (1, 2, 3, 4)})
    frame = frame.assign(**{f"p{i}": get + habit + rng.normal(0, 0.2, n) for i in (1, 2, 3, 4)})
    return frame.assign(y=4 + e * want + 0.6 * get + 0.2 * habit + rng.normal(0, 0.4, n), id=who)


WIDE = Scale(SCALE.items, low=-9, high=19)


def test_habit_of_answering_looks_like_a_weight_of_expectation_but_not_within_customers():
    found = response_surface(panel(), scale=WIDE, outcome="y", cluster="id")
    verdicts = pick(found.verdicts, level="overall").set_index("answers")["verdict"]
    assert verdicts.to_dict() == {"as given": "both", "within customers": "received"}
    own = pick(found.weights, level="overall", answers="within customers", model="linear").set_index("term")
    assert own.loc["E", "ci_low"] < 0 < own.loc["E", "ci_high"]
    assert_allclose(own.loc["P", "estimate"], 0.6, atol=0.06)
    told = expectation_weighing.surface(found)
    assert "compared with themselves" in told
    assert "looks different" in told


def test_ipsatised_answers_give_expectation_a_weight_by_construction():
    """So they carry no verdict: here neither style nor expectation plays any part."""
    found = response_surface(panel(style=0.0), scale=WIDE, outcome="y", cluster="id")
    rows = pick(found.weights, answers="ipsatised", model="linear", term="E")
    assert (rows["ci_high"] < 0).all()
    level = pick(found.weights, answers="net of level", model="linear", term="E")
    assert (level["estimate"].abs() < rows["estimate"].abs().to_numpy()).all()
    assert set(found.verdicts["answers"]) == {"as given", "within customers"}


def test_by_hand_within_customers():
    data = pd.DataFrame({"e1": [2, 4, 5, 3, 6], "p1": [2, 3, 6, 4, 1], "id": ["a", "a", "b", "b", "c"]})
    data["y"] = [1, 2, 9, 7, 5]
    found = response_surface(pd.concat([data] * 3), scale=ONE, outcome="y", cluster="id")
    own = pick(found.weights, answers="within customers", model="linear").set_index("term")["estimate"]
    # a: (E, P, y) move by 2, 1, 1; b by 2, 2, 2; so y = P
    assert_allclose(own[["E", "P"]], [0, 1], atol=1e-9)
    assert pick(found.weights, answers="within customers")["n"].iloc[0] == 15  # c too, once repeated
    alone = response_surface(data.assign(id=range(5)), scale=ONE, outcome="y", cluster="id")
    assert "within customers" not in set(alone.weights["answers"])


def test_invariances_and_missing_answers():
    data = answered(300, e=-0.3)
    data.loc[:20, "e1"] = np.nan
    data.loc[30:40, "y"] = np.nan
    first = response_surface(data, scale=ONE, outcome="y").weights
    assert set(first["n"]) == {300 - 21 - 11}
    ones = response_surface(data.assign(w=5.0), scale=ONE, outcome="y", weight="w").weights
    assert_allclose(ones["estimate"], first["estimate"], atol=1e-9)
    shifted = response_surface(data.assign(y=10 * data["y"] + 3), scale=ONE, outcome="y").weights
    assert_allclose(shifted["ci_low"], 10 * first["ci_low"], rtol=1e-6, atol=1e-9)
    turned = Scale([Item("q1", "speed", "e1", "p1", reversed=True)], low=1, high=7)
    again = response_surface(data.assign(e1=8 - data["e1"], p1=8 - data["p1"]), scale=turned, outcome="y").weights
    assert_allclose(again["estimate"], first["estimate"], atol=1e-8)


def test_undefined_is_nan_and_wrong_is_said():
    flat = answered(100).assign(e1=5.0)
    found = response_surface(flat, scale=ONE, outcome="y")
    assert found.weights["estimate"].isna().all()
    assert set(found.verdicts["verdict"]) == {"cannot tell"}
    with pytest.raises(ValueError, match="needs an expectation"):
        response_surface(flat, scale=Scale([Item("q", perception="p1")], low=1, high=7), outcome="y")
    with pytest.raises(KeyError, match="satisfied"):
        response_surface(flat, scale=ONE, outcome="satisfied")
    with pytest.raises(ValueError, match="outside the scale"):
        response_surface(flat.assign(e1=9), scale=ONE, outcome="y")


@pytest.mark.long
def test_coverage_of_the_weight_of_expectation():
    inside = 0
    for seed in range(300):
        weights = response_surface(answered(250, seed, e=-0.2), scale=ONE, outcome="y").weights
        row = pick(weights, level="overall", model="linear", term="E")
        inside += row["ci_low"].item() <= -0.2 <= row["ci_high"].item()
    # 300 runs: binomial standard error 1.3 points around 0.95
    assert 0.92 <= inside / 300 <= 0.985


@pytest.mark.long
def test_satisfaction_of_the_sample_company_follows_what_is_received():
    """Truth: satisfaction is made of perceptions; expectations have no weight, habit of answering has."""
    scale = Scale(
        [Item(i.item, i.dimension, f"e{i.item[1:]}", f"p{i.item[1:]}") for i in ITEMS],
        low=1,
        high=7,
        dimension_labels=DIMENSIONS,
    )
    received = 0
    for seed in range(10):
        data = simulate(seed=seed).tables["responses"]
        items = [c for c in data if c[0] in "ep" and c[1:].isdigit()]
        data = data.assign(**data[items].replace(9, np.nan))
        found = response_surface(data, scale=scale, outcome="overall", weight="weight", cluster="customer_id")
        within = pick(found.verdicts, answers="within customers")["verdict"].item()
        received += within == "received"
    assert received >= 8
