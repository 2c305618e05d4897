import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.scores import bands, beside, lags
from csatlib.scores.operations_plots import plot_associations, plot_bands
from csatlib.scores.operations_sentences import associated, banded, compared, lagged

MEASURES = {"wait": 600.0, "kept": 1.0}
FIGURES = ["estimate", "ci_low", "ci_high", "p_value"]


def company(n=600, customers=250, slope=-0.5, seed=0, units=4, months=6):
    """Contacts, each followed by an answer a day later; a trait of the customer stands behind all answers."""
    rng = np.random.default_rng(seed)
    who, unit, month = (rng.integers(0, size, n) for size in (customers, units, months))
    trait, shift, season = rng.normal(size=customers), rng.normal(size=units), rng.normal(size=months)
    wait = 600 * np.exp(0.8 * rng.normal(size=n) + 0.4 * shift[unit] + 0.4 * trait[who] * 0)
    kept = rng.random(n) < 0.8
    noise = 0.8 * trait[who] + rng.normal(size=n) + shift[unit] + season[month]
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(month * 30.4 + rng.uniform(0, 20, n), unit="D")
    contacts = pd.DataFrame(
        {"customer_id": who.astype(str), "unit": unit.astype(str), "occurred_at": at, "wait": wait, "kept": kept}
    )
    answers = pd.DataFrame({"customer_id": who.astype(str), "responded_at": at + pd.Timedelta(hours=20)}).assign(
        overall=5 + slope * wait / 600 + 0.6 * kept + noise, w=rng.uniform(0.5, 2, n)
    )
    return contacts, answers.sample(frac=1, random_state=seed)


def paired(contacts, answers):
    both = pd.merge_asof(
        answers.sort_values("responded_at"), contacts.sort_values("occurred_at"),
        left_on="responded_at", right_on="occurred_at", by="customer_id",
    )  # fmt: skip
    return both.assign(month=both["responded_at"].dt.strftime("%Y-%m"), kept=both["kept"] * 1.0)


def test_the_association_is_that_of_least_squares_with_unit_and_month_effects():
    contacts, answers = company()
    both = paired(contacts, answers)
    for weight in (None, "w"):
        table = beside(
            contacts, answers, measures=MEASURES, outcome="overall", unit="unit", weight=weight
        ).set_index("measure")
        assert_allclose(table["n_reference"], [np.nan, 600 - both["kept"].sum()])
        for measure, size in MEASURES.items():
            weights = both["w"] if weight else np.ones(len(both))
            model = smf.wls(f"overall ~ {measure} + C(unit) + C(month)", both, weights=weights)
            fit = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(both["customer_id"])[0]})
            row = table.loc[measure]
            assert_allclose(row["estimate"], fit.params[measure] * size, rtol=1e-8)
            assert_allclose(row["se"], fit.bse[measure] * size, rtol=0.06)  # jackknife beside CR1
            assert (row["n"], row["n_groups"], row["n_units"]) == (600, both["customer_id"].nunique(), 4)


def test_the_standard_error_leaves_customers_out_in_turn():
    contacts, answers = company(n=60, customers=20)
    one = {"unit": "A", "occurred_at": pd.Timestamp("2026-03-01")}
    contacts, answers = contacts.assign(**one), answers.assign(responded_at=pd.Timestamp("2026-03-02"))
    contacts = contacts.drop_duplicates("customer_id", keep="last")
    row = beside(contacts, answers, measures={"wait": 600}, outcome="overall").iloc[0]
    both = answers.merge(contacts, on="customer_id")
    both[["x", "y"]] = both[["wait", "overall"]] - both[["wait", "overall"]].mean()
    slopes = []
    for customer in both["customer_id"].unique():
        rest = both[both["customer_id"] != customer]
        slopes.append(600 * (rest["x"] @ rest["y"]) / (rest["x"] @ rest["x"]))
    groups, n = len(slopes), len(both)
    spread = np.sum((np.array(slopes) - row["estimate"]) ** 2)
    assert_allclose(row["se"], np.sqrt((groups - 1) / groups * spread * n / (n - 1)))
    share = (both["x"] ** 2).groupby(both["customer_id"]).sum() / (both["x"] ** 2).sum()
    assert_allclose(row["df"], 1 / (share**2).sum() - 1)


def test_an_answer_belongs_to_the_last_contact_in_the_window():
    day = pd.Timestamp("2026-10-10")
    before = pd.to_timedelta([1, 5, 31, -1, 3, 3], unit="D")
    contacts = pd.DataFrame(
        {"customer_id": list("aabcde"), "occurred_at": day - before, "wait": [60.0, 0, 0, 0, 120, np.nan]}
    )
    answers = pd.DataFrame({"customer_id": list("abcdef"), "responded_at": day, "overall": [5.0, 1, 1, 4, 3, 2]})
    row = beside(contacts, answers, measures={"wait": 60}, outcome="overall").iloc[0]
    assert (row["n"], row["n_missing"], row["estimate"]) == (2, 1, -1)
    assert np.isnan(row[["ci_low", "ci_high", "p_value"]].astype(float)).all()
    longer = beside(contacts, answers, measures={"wait": 60}, outcome="overall", within=31).iloc[0]
    assert (longer["n"], longer["n_missing"]) == (3, 1)


def test_what_does_not_vary_has_no_figure():
    contacts, answers = company(100)
    row = beside(contacts.assign(wait=300.3), answers, measures={"wait": 60}, outcome="overall", unit="unit").iloc[
        0
    ]
    assert row["n"] == 100
    assert np.isnan(row[[*FIGURES, "minimum_detectable"]].astype(float)).all()
    each = contacts.assign(unit=[str(i) for i in range(100)])
    assert np.isnan(
        beside(each, answers, measures={"wait": 60}, outcome="overall", unit="unit")["estimate"].item()
    )


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_properties(seed, factor):
    contacts, answers = company(200, 80, seed=seed)
    given_ = {"measures": MEASURES, "outcome": "overall", "unit": "unit"}
    one = beside(contacts, answers, **given_)
    assert_allclose(
        beside(contacts, answers.assign(w=factor), weight="w", **given_)[FIGURES], one[FIGURES], rtol=1e-7
    )
    mixed = contacts.sample(frac=1, random_state=seed)
    assert_allclose(beside(mixed, answers.sample(frac=1), **given_)[FIGURES], one[FIGURES], rtol=1e-7)
    doubled = beside(contacts, answers, **given_ | {"measures": {"wait": 1200.0, "kept": -1.0}})
    assert_allclose(doubled["estimate"], one["estimate"] * [2, -1], rtol=1e-7)
    assert_allclose(doubled["p_value"], one["p_value"], rtol=1e-6)
    known = one.dropna(subset="p_value")
    assert (known["p_adjusted"] >= known["p_value"]).all()
    apart = beside(contacts, answers, by="unit", **given_ | {"unit": None})
    assert apart["group"].tolist() == ["0", "0", "1", "1", "2", "2", "3", "3"]
    assert apart["n"].sum() == 2 * one["n"].iloc[0]


def test_bands_are_means_of_the_answers():
    contacts, answers = company(300)
    answers["overall"] = answers["overall"].clip(1, 7)
    table = bands(contacts, answers, measure="wait", edges=[0, 300, 900, 1800], outcome="overall", low=1, high=7)
    both = paired(contacts, answers)
    for row in table.itertuples():
        part = both[(both["wait"] >= row.band_low) & (both["wait"] < row.band_high)]["overall"]
        assert (row.n, row.estimate) == (len(part), pytest.approx(part.mean()))
    assert table["group"].tolist() == ["0", "1", "2"]
    given_ = {"measure": "wait", "outcome": "overall", "low": 1, "high": 7}
    top = bands(contacts.assign(wait=600.0), answers, edges=[0, 600], **given_)
    assert top["n"].tolist() == [300]


def panel(lag, units=4, months=24, strength=3.0, seed=0):
    rng = np.random.default_rng(seed)
    x, noise, season = rng.normal(size=(units, months)), rng.normal(size=(units, months)), rng.normal(size=months)
    y = strength * np.roll(x, lag, axis=1) + noise + 5 * season + 10 * np.arange(units)[:, None]
    index = pd.MultiIndex.from_product(
        [[f"U{i}" for i in range(units)], pd.period_range("2025-01", periods=months, freq="M").astype(str)],
        names=["unit", "period"],
    )
    frame = pd.DataFrame({"value": (x + season).ravel(), "estimate": y.ravel()}, index=index).reset_index()
    return frame[["unit", "period", "value"]].assign(metric="kept"), frame[["unit", "period", "estimate"]]


def test_lags_find_the_month_in_which_operations_and_scores_move_together():
    operations, scores = panel(2)
    table = lags(operations, scores)
    assert table["estimate"].abs().idxmax() == 2
    assert table.loc[2, "estimate"] > 0.85
    assert table["n"].tolist() == [96, 92, 88, 84]
    assert table["p_value"].between(1 / 24, 4 / 24).all()
    assert lags(*panel(2, strength=0, seed=3))["p_value"].iloc[0] > 4 / 24
    flat = operations.pivot(index="unit", columns="period", values="value").to_numpy()
    said = scores.pivot(index="unit", columns="period", values="estimate").to_numpy()
    flat, said = (t - t.mean(0) - t.mean(1, keepdims=True) + t.mean() for t in (flat, said))
    assert_allclose(table.loc[0, "estimate"], np.corrcoef(flat.ravel(), said.ravel())[0, 1])


def test_lags_of_shares_gaps_and_one_unit():
    operations, scores = panel(0)
    shares = operations.assign(numerator=operations["value"] * 7, denominator=7.0).drop(columns="value")
    assert_allclose(lags(shares, scores)["estimate"], lags(operations, scores)["estimate"])
    gaps = lags(operations.drop(index=[3, 40]), scores.drop(index=50))
    assert gaps["n"].iloc[0] == 93
    assert gaps["estimate"].iloc[0] > 0.8
    alone = lags(operations[operations["unit"] == "U1"], scores)
    assert (alone["n_units"].iloc[0], alone["month_effects"].iloc[0]) == (1, False)
    nowhere = lags(operations.assign(unit="X" + operations["unit"]), scores)
    assert nowhere["estimate"].isna().all()
    assert nowhere["n"].tolist() == [0, 0, 0, 0]


def test_sentences_and_figures_say_associations():
    contacts, answers = company(2000, 1500, slope=-1.0)
    names = {"wait": "a wait 10 minutes longer", "kept": "a promise kept"}
    table = beside(contacts, answers, measures=MEASURES, outcome="overall", unit="unit")
    told = associated(table, names=names)
    assert "After a wait 10 minutes longer, answers are " in told
    assert " points lower (" in told
    assert "After a promise kept, answers are " in told
    assert " points higher (" in told
    unclear = associated(table.assign(p_adjusted=0.4), names=names)
    assert unclear.count("cannot tell: a difference of") == 2
    hint = associated(table.assign(few_groups=True), names=names)
    assert hint.count("too few customers for more than a hint (") == 2
    rare = table.assign(n_reference=[np.nan, 4.0])
    assert "a promise kept" not in associated(rare, names=names)
    placed = associated(table.assign(group="North"), names=names)
    assert placed.startswith("North: after a wait 10 minutes longer, answers are")
    assert associated(table.assign(n=4), names=names) == "Too few customers met it and answered to tell anything."
    assert compared(table).startswith("Compared are answers about the same unit in the same month.")
    assert compared(table.assign(n_units=1)).startswith("Compared are answers of the same month.")
    ax = plot_associations(table, names=names)
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "A wait 10 minutes longer (2,000)", "A promise kept (2,000)"
    ]  # fmt: skip
    assert ax.get_label() == told
    assert len(ax.csat_table["rows"]) == 2
    empty = plot_associations(table.assign(n=4), names=names)
    assert empty.get_yticklabels() == []
    plt.close("all")


def test_sentences_and_figures_of_bands_and_lags():
    contacts, answers = company(300)
    answers["overall"] = answers["overall"].clip(1, 7)
    given_ = {"measure": "wait", "outcome": "overall", "low": 1, "high": 7}
    table = bands(contacts, answers, edges=[0, 300, 900, 1e5], **given_)
    said = {"labels": ["to 5", "5 to 15", "over 15"], "what": "Wait, minutes", "outcome": "overall"}
    ax = plot_bands(table, **said)
    assert ax.get_label() == banded(table, **said)
    assert [text.get_text().splitlines()[0] for text in ax.get_xticklabels()] == said["labels"]
    hidden = table.assign(n=[5, *table["n"][1:]])
    assert "n = –" in plot_bands(hidden, **said).get_xticklabels()[0].get_text()
    assert banded(table.assign(n=3), **said) == "Too few answers to show a figure."
    plt.close("all")
    told = lagged(lags(*panel(2)), names={"kept": "Appointments kept"})
    assert told.startswith("Appointments kept: correlation with the score ")
    assert "4 units, too few for an interval" in told
    many = lags(*panel(2)).assign(n_units=40)
    assert lagged(many, names={"kept": "Kept"}).endswith("This describes 40 units: a hint where to look, no more.")
    assert lagged(lags(*panel(2)), names={}) == "No metric of a unit can be set beside its score."


def test_problems_are_told():
    contacts, answers = company(20)
    given_ = {"measures": {"wait": 60}, "outcome": "overall"}
    with pytest.raises(KeyError, match="nearest: 'wait'"):
        beside(contacts, answers, **given_ | {"measures": {"waits": 60}})
    with pytest.raises(ValueError, match="measures is empty"):
        beside(contacts, answers, **given_ | {"measures": {}})
    with pytest.raises(ValueError, match=r"measures\['wait'\]=0; a change is not 0"):
        beside(contacts, answers, **given_ | {"measures": {"wait": 0}})
    text = contacts.assign(occurred_at=contacts["occurred_at"].astype("str"), wait="long")
    with pytest.raises(ValueError, match="'wait' of data is str; allowed are numbers") as error:
        beside(text, answers, **given_)
    assert "'occurred_at' of data is str; allowed are times" in str(error.value)
    with pytest.raises(ValueError, match="no answer lies within 30 days"):
        beside(contacts.assign(customer_id="x"), answers, **given_)
    with pytest.raises(ValueError, match="within=0"):
        beside(contacts, answers, within=0, **given_)
    with pytest.raises(ValueError, match="missing or negative"):
        beside(contacts, answers.assign(w=-1.0), weight="w", **given_)
    with pytest.raises(ValueError, match=r"edges=\[3\.0, 1\.0\]"):
        bands(contacts, answers, measure="wait", edges=[3, 1], outcome="overall", low=1, high=7)
    with pytest.raises(ValueError, match="no answer follows a 'wait'"):
        bands(contacts, answers, measure="wait", edges=[-3, -1], outcome="overall", low=1, high=7)
    operations, scores = panel(0)
    with pytest.raises(ValueError, match="max_lag=-1"):
        lags(operations, scores, max_lag=-1)
    with pytest.raises(ValueError, match="96 too many in operations, 0 in scores"):
        lags(pd.concat([operations, operations]), scores)


@pytest.mark.long
def test_lags_of_nothing_are_rarely_called_more_than_random():
    """Series with a memory of 0.5: p of 0.2 or less in about 20 % of 400 companies; binomial error is 2 points."""
    found = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        index = pd.MultiIndex.from_product(
            [list("NSEW"), pd.period_range("2025-05", periods=18, freq="M").astype(str)], names=["unit", "period"]
        )
        made = rng.normal(size=(2, 4, 30))
        for month in range(1, 30):
            made[:, :, month] += 0.5 * made[:, :, month - 1]
        x, y = made[:, :, 12:].reshape(2, -1)
        frame = pd.DataFrame({"value": x, "estimate": y, "metric": "kept"}, index=index).reset_index()
        found.append(lags(frame.drop(columns="estimate"), frame)["p_value"].iloc[0])
    assert 0.13 < (np.array(found) <= 0.2).mean() < 0.27, (np.array(found) <= 0.2).mean()
    assert (np.array(found) <= 0.06).mean() < 0.09, (np.array(found) <= 0.06).mean()


@pytest.mark.long
@pytest.mark.parametrize(("n", "customers", "share"), [(80, 40, 0.5), (400, 150, 0.5), (400, 150, 0.05)])
def test_coverage_with_clustered_customers_where_nothing_moves_together(n, customers, share):
    """Waits and promises have customer parts too, so that answers taken as independent would cover too rarely."""
    covered, defined, runs = np.zeros(2), np.zeros(2), 400
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        contacts, answers = company(n, customers, slope=0, seed=seed)
        trait, who = rng.normal(size=(2, customers)), contacts["customer_id"].astype(int)
        latent = (trait[0][who] + 0.3 * rng.normal(size=n)) / np.sqrt(1.09)
        contacts["wait"] = 600 * np.exp(0.8 * latent)
        contacts["kept"] = latent > np.quantile(latent, share)
        both = paired(contacts, answers)
        said = trait[1][both["customer_id"].astype(int)] + rng.normal(size=n) + both["unit"].astype(int)
        answers = both[["customer_id", "responded_at"]].assign(overall=said)
        table = beside(contacts, answers, measures=MEASURES, outcome="overall", unit="unit")
        covered += (table["ci_low"] <= 0) & (table["ci_high"] >= 0)
        defined += table["ci_low"].notna()
    assert (defined / runs > 0.6).all(), defined / runs
    assert (covered / defined > 0.91).all(), covered / defined
    assert (covered / defined < 0.985).all(), covered / defined
