"""Thresholds and moments of truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.journeys import moments_of_truth, threshold

BEND = 10.0


def waits(seed, change, n=600):
    """Ratings of customers, some of them repeated, with a spread that grows with the wait."""
    rng = np.random.default_rng(seed)
    who, minutes, trait = rng.integers(0, n // 2, n), rng.exponential(8, n), rng.normal(size=n // 2)
    rating = 6 - 0.03 * minutes + change * np.maximum(minutes - BEND, 0) + 0.6 * trait[who]
    rating = rating + rng.normal(size=n) * (0.5 + 0.05 * minutes)
    return pd.DataFrame({"who": who, "minutes": minutes, "rating": rating, "one": 1.0})


def found(frame, **more):
    return threshold(frame, measures=["minutes"], outcome="rating", cluster="who", **more).iloc[0]


def test_the_bend_is_the_best_of_all_places_by_least_squares():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"minutes": rng.integers(0, 9, 400), "who": np.arange(400)})
    frame["rating"] = 6 - 0.5 * (frame["minutes"] - 4).clip(lower=0) + rng.normal(size=400)
    row = found(frame)
    fits = {
        at: smf.ols("rating ~ minutes + bend", frame.assign(bend=(frame["minutes"] - at).clip(lower=0))).fit()
        for at in range(1, 8)
    }
    best = min(fits, key=lambda at: fits[at].ssr)
    assert (row["status"], row["estimate"]) == ("threshold", best)
    assert_allclose(row["slope_before"], fits[best].params["minutes"])
    assert_allclose(row["slope_after"], fits[best].params[["minutes", "bend"]].sum())
    assert row["ci_low"] <= best <= row["ci_high"]


def test_a_straight_line_has_no_threshold_but_a_slope():
    row = found(waits(0, 0.0))
    assert row["status"] == "none found"
    assert row[["estimate", "ci_low", "ci_high"]].isna().all()
    straight = smf.ols("rating ~ minutes", waits(0, 0.0)).fit().params["minutes"]
    assert_allclose([row["slope_before"], row["slope_after"]], straight)
    assert row["minimum_detectable"] > 0


def test_a_fall_that_levels_off_is_not_called_a_threshold():
    row = found(waits(0, 0.0).assign(rating=lambda frame: 6 - np.minimum(frame["minutes"], 5) / 2))
    assert row["status"] == "levels off"
    assert row["slope_before"] < row["slope_after"]


def test_too_few_rows_on_a_side_are_not_judged():
    frame = pd.DataFrame({"minutes": [0.0] * 200 + [1.0] * 10, "rating": 5.0, "who": range(210)})
    row = found(frame)
    assert row["status"] == "too few"
    assert np.isnan(row["p_value"])


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 10))
def test_threshold_properties(seed, factor):
    frame = waits(seed, -0.2)
    one, two = found(frame), found(frame.sample(frac=1, random_state=seed))
    same, larger = found(frame, weight="one"), found(frame.assign(minutes=frame["minutes"] * factor))
    figures = ["estimate", "ci_low", "ci_high", "slope_before", "slope_after", "p_value"]
    for other in (two, same):
        assert_allclose(other[figures].astype(float), one[figures].astype(float), rtol=1e-6)
    assert_allclose(larger["estimate"], one["estimate"] * factor, rtol=1e-6)
    assert_allclose(larger["slope_after"], one["slope_after"] / factor, rtol=1e-6)


def test_what_sets_touchpoints_apart_is_taken_out():
    rng = np.random.default_rng(5)
    place = rng.integers(0, 3, 500)
    frame = pd.DataFrame({"place": place, "minutes": rng.integers(0, 9, 500) + 2 * place, "who": np.arange(500)})
    frame["rating"] = 6 - (place == 2) * 2 - 0.4 * (frame["minutes"] - 5).clip(lower=0) + rng.normal(size=500)
    row = found(frame, within="place")
    formula = "rating ~ C(place) + minutes + bend"
    fits = {
        at: smf.ols(formula, frame.assign(bend=(frame["minutes"] - at).clip(lower=0))).fit() for at in range(1, 12)
    }
    best = min(fits, key=lambda at: fits[at].ssr)
    assert row["estimate"] == best
    assert_allclose(row["slope_before"], fits[best].params["minutes"])
    assert_allclose(row["slope_after"], fits[best].params[["minutes", "bend"]].sum())


def test_several_measures_are_one_family():
    frame = waits(1, -0.2).assign(other=lambda rows: rows["minutes"].sample(frac=1, random_state=0).to_numpy())
    table = threshold(frame, measures=["minutes", "other"], outcome="rating", cluster="who")
    assert table["status"].tolist() == ["threshold", "none found"]
    assert table["p_adjusted"].iloc[0] == 2 * table["p_value"].iloc[0]


@pytest.mark.long
def test_the_search_is_counted_and_the_place_covered():
    flat = [found(waits(seed, 0.0), replicates=299, seed=seed)["p_value"] for seed in range(400)]
    assert 0.025 <= np.mean(np.array(flat) < 0.05) <= 0.085  # nominal 0.05, three standard errors
    bent = pd.DataFrame([found(waits(seed, -0.2), replicates=299, seed=seed) for seed in range(200)])
    seen = bent[bent["status"] == "threshold"]
    assert len(seen) > 190
    assert ((seen["ci_low"] <= BEND) & (seen["ci_high"] >= BEND)).mean() >= 0.89


# customer, day, rating; answers on day 30
CONTACTS = [
    ("a", 1, 2),
    ("a", 5, 6),
    ("a", 9, 4),
    ("b", 2, 7),
    ("b", 3, 5),
    ("c", 4, 3),
    ("d", 1, 1),
    ("d", 28, 3),
]


def company(n=300, end=0.0, seed=0):
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2026-01-01")
    rating = rng.integers(1, 8, (n, 4)).astype(float)
    contacts = pd.DataFrame({"customer_id": np.repeat(np.arange(n), 4), "rating": rating.ravel()})
    contacts["occurred_at"] = day + pd.to_timedelta(np.tile([0, 5, 9, 20], n), unit="D")
    overall = (1 - end) * rating.mean(axis=1) + end * rating[:, -1] + rng.normal(size=n)
    answers = pd.DataFrame({"customer_id": np.arange(n), "overall": overall})
    return contacts, answers.assign(responded_at=day + pd.Timedelta(days=30))


def test_pairs_by_hand():
    contacts, answers = company()
    day = pd.Timestamp("2026-06-01")
    few = pd.DataFrame(CONTACTS, columns=["customer_id", "day", "rating"])
    few["occurred_at"] = day + pd.to_timedelta(few["day"], unit="D")
    late = pd.DataFrame({"customer_id": list("abcd"), "overall": [5.0, 6, 4, 2]})
    late["responded_at"] = day + pd.Timedelta(days=30)
    data = pd.concat([contacts.assign(customer_id=contacts["customer_id"].astype(str)), few])
    asked = pd.concat([late, answers.assign(customer_id=answers["customer_id"].astype(str))])
    pairs = moments_of_truth(data, asked, outcome="overall", within=29).pairs
    hand = pairs[pairs["customer"].isin(list("abcd"))].set_index("customer")
    assert hand[["mean", "worst", "best", "end", "contacts"]].to_numpy().tolist() == [
        *([4, 2, 6, 4, 3], [6, 5, 7, 5, 2], [2, 1, 3, 3, 2])
    ]


def test_the_last_contact_is_told_where_it_counts_and_only_there():
    alone = moments_of_truth(*company(end=0.0), outcome="overall")
    end = alone.terms.set_index("term").loc["end"]
    assert end["ci_low"] < 0 < end["ci_high"]
    gained = moments_of_truth(*company(end=0.6), outcome="overall")
    row = gained.terms.set_index("term").loc["end"]
    assert row["ci_low"] < 0.6 < row["ci_high"]
    assert row["p_adjusted"] < 0.001
    less = gained.models.query("measure == 'less_mean'").set_index("model")
    assert less.loc["end", "ci_low"] > 0
    assert np.isnan(less.loc["mean", "estimate"])


def test_terms_are_those_of_least_squares():
    made = moments_of_truth(*company(end=0.3), outcome="overall")
    for term in ("worst", "best", "end"):
        fit = smf.ols(f"outcome ~ mean + {term}", made.pairs).fit()
        assert_allclose(made.terms.set_index("term").loc[term, "estimate"], fit.params[term])


def test_too_few_customers_give_no_figure():
    contacts, answers = company()
    made = moments_of_truth(contacts.head(8), answers, outcome="overall")
    assert made.models["n"].eq(2).all()
    assert made.models["estimate"].isna().all()
    assert made.terms["p_adjusted"].isna().all()


def test_what_goes_with_nothing_predicts_nothing():
    contacts, answers = company()
    shuffled = answers.assign(overall=answers["overall"].sample(frac=1, random_state=1).to_numpy())
    r2 = moments_of_truth(contacts, shuffled, outcome="overall").models.query("measure == 'r2'")
    assert (r2["estimate"] < 0.02).all()
    assert (r2["ci_low"] < 0).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c, a: threshold(c, measures=[], outcome="rating"), "at least one measure"),
        (lambda c, a: threshold(c, measures=["ratin"], outcome="rating"), "nearest: 'rating'"),
        (lambda c, a: threshold(c, measures=["occurred_at"], outcome="rating"), "must be numbers"),
        (lambda c, a: moments_of_truth(c, a, outcome="overall", within=0), "within=0"),
        (lambda c, a: moments_of_truth(c, a, outcome="overal"), "nearest: 'overall'"),
    ],
)
def test_errors_say_what_is_wrong(call, text):
    with pytest.raises((ValueError, KeyError), match=text):
        call(*company())
