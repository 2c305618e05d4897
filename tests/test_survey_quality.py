"""Who answers, how carefully, and how far the headline can be trusted."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib import servqual, survey
from csatlib.stats.intervals import wilson
from csatlib.survey import plots, questionnaire_sentences, sentences, trust_sentences
from csatlib.survey.quality_flags import FLAGS
from csatlib.survey.questionnaire_checks import SEVERITIES
from csatlib.tables.presets import PRESETS
from csatlib.tables.scale import Item, Scale
from csatlib.tables.simulate import simulate
from csatlib.tables.simulate.items import DIMENSIONS, ITEMS

SAMPLE = Scale(
    [Item(i.item, i.dimension, f"e{i.item[1:]}", f"p{i.item[1:]}", label=i.label) for i in ITEMS],
    low=1,
    high=7,
    importance={d: f"points_{d}" for d in DIMENSIONS},
    dimension_labels=DIMENSIONS,
    name="servqual",
)
KNOWN = ["region", "plan", "tier", "age_band"]
NAMES = {name: name for name in ["channel", *KNOWN]}


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


@pytest.fixture(scope="module")
def company():
    """All relationship surveys of the sample company, as an analyst has them."""
    made = simulate()
    times = ["responded_at", "started_at", "sent_at"]
    tables = {}
    for name in ("invitations", "responses", "customers"):
        table = getattr(made, name) if hasattr(made, name) else made.tables[name]
        table = table.assign(**{c: pd.to_datetime(table[c]) for c in times if c in table.columns})
        tables[name] = table[table["survey"] == "relationship"] if "survey" in table.columns else table
    answers = tables["responses"]
    items = [f"{side}{i.item[1:]}" for side in "ep" for i in ITEMS]
    marks = {f"{c}_na": answers[c] == 9 for c in items}
    tables["responses"] = answers.assign(**marks, **{c: answers[c].where(answers[c] != 9) for c in items})
    tables["truth"] = made.truth
    return tables


@pytest.fixture(scope="module")
def sent(company):
    return survey.invited(
        company["invitations"],
        responses=company["responses"],
        customers=company["customers"],
        columns=KNOWN,
        scale=SAMPLE,
    )


def invitations(n=200, seed=0):
    rng = np.random.default_rng(seed)
    answered = (rng.random(n) < 0.4).astype(float)
    return pd.DataFrame(
        {
            "answered": answered,
            "completed": answered * (rng.random(n) < 0.9),
            "minutes": np.where(answered == 1, np.round(rng.lognormal(1.8, 0.4, n), 1), np.nan),
            "days": np.where(answered == 1, rng.integers(0, 5, n), np.nan),
            "channel": rng.choice(["email", "sms"], n),
            "customer_id": rng.integers(0, n // 2, n),
        }
    )


# funnel


def test_funnel_by_hand():
    data = pd.DataFrame(
        {
            "answered": [1.0, 1, 1, 0, 0, 0, 0, 0, 1, 0],
            "completed": [1.0, 0, 1, 0, 0, 0, 0, 0, 1, 0],
            "minutes": [5.0, None, 7, None, None, None, None, None, 30, None],
            "days": [0.0, 1, 3, None, None, None, None, None, 2, None],
            "channel": ["sms"] * 5 + ["shop"] * 5,
        }
    )
    whole = pick(survey.funnel(data, by="channel"), level="all").set_index("measure")
    assert whole["estimate"].to_dict() == {
        "response_rate": 40, "completion_rate": 30, "drop_out": 25, "minutes": 7, "days": 1.5,
    }  # fmt: skip
    assert whole["n"].to_dict() == {
        "response_rate": 10, "completion_rate": 10, "drop_out": 4, "minutes": 3, "days": 4,
    }  # fmt: skip
    low, high = wilson(4, 10)
    assert_allclose(whole.loc["response_rate", ["ci_low", "ci_high"]].astype(float), [100 * low, 100 * high])
    shop = pick(survey.funnel(data, by="channel"), group="shop", measure="response_rate")
    assert shop["estimate"].tolist() == [20]


def test_clusters_widen_and_joint_draw_is_repeatable():
    data = pd.concat([invitations()] * 4, ignore_index=True)
    alone, held = survey.funnel(data), survey.funnel(data, cluster="customer_id")
    width = [(t["ci_high"] - t["ci_low"])[0] for t in (alone, held)]
    assert width[1] > 1.6 * width[0]
    assert held["n_eff"][0] < 0.5 * held["n"][0]
    assert_allclose(held["estimate"], alone["estimate"])
    pd.testing.assert_frame_equal(held, survey.funnel(data, cluster="customer_id"))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 120))
def test_funnel_properties(seed, n):
    data = invitations(n, seed)
    found = survey.funnel(data, by="channel", cluster="customer_id")
    rates = found[found["measure"].isin(["response_rate", "completion_rate", "drop_out"])]
    known = rates.dropna()
    assert ((known["ci_low"] >= 0) & (known["ci_high"] <= 100)).all()
    assert (known["ci_low"] <= known["estimate"] + 1e-9).all()
    assert (known["ci_high"] >= known["estimate"] - 1e-9).all()
    mixed = data.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(found, survey.funnel(mixed, by="channel", cluster="customer_id"))
    renamed = data.assign(channel=data["channel"].map({"email": "a", "sms": "b"}))
    again = survey.funnel(renamed, by="channel", cluster="customer_id")
    assert_allclose(again["estimate"], found["estimate"])
    shares = survey.represented(data, by="channel", cluster="customer_id")
    assert_allclose(shares["estimate"].sum(), 0, atol=1e-9)


def test_nobody_invited_is_no_error():
    empty = invitations().iloc[:0]
    assert survey.funnel(empty).empty
    assert survey.represented(empty, by="channel").empty
    assert sentences.reach(survey.funnel(empty)) == "The data does not say who was invited."


def test_unknown_column_names_the_nearest():
    with pytest.raises(KeyError, match="nearest: 'channel'"):
        survey.funnel(invitations(), by="chanel")


def test_breaking_off_is_told_from_does_not_apply_and_from_other_surveys():
    scale = Scale([Item(f"q{i}", perception=f"p{i}") for i in range(5)], low=1, high=5)
    nan = np.nan
    data = pd.DataFrame(
        [[5, 4, nan, nan, nan], [5, 4, nan, nan, nan], [5, nan, 3, nan, nan], [nan] * 5],
        columns=[f"p{i}" for i in range(5)],
    )
    data = data.assign(p4_na=[False, True, False, False], survey=["long", "long", "long", "short"])
    assert_allclose(survey.broke_off(data, scale=scale), [1, 0, 0, nan])


def test_first_answer_counts_and_open_links_do_not():
    sent = pd.DataFrame({"invitation_id": ["I1", "I2"], "sent_at": pd.to_datetime(["2026-10-31"] * 2)})
    back = pd.DataFrame(
        {
            "invitation_id": ["I1", "I1", None],
            "started_at": pd.to_datetime(["2026-11-02 10:00", "2026-11-01 10:00", "2026-11-01 09:00"]),
            "responded_at": pd.to_datetime(["2026-11-02 10:09", "2026-11-01 10:04", "2026-11-01 09:01"]),
        }
    )
    found = survey.invited(sent, responses=back)
    assert found["answered"].tolist() == [1, 0]
    assert found["minutes"].iloc[0] == 4
    assert found["days"].iloc[0] == 1
    assert found["completed"].isna().all()
    assert found["month"].tolist() == ["2026-10"] * 2


def test_sample_company_is_found_as_it_was_made(company, sent):
    truth = company["truth"].response
    stages = survey.funnel(sent, by="channel", cluster="customer_id")
    off = pick(stages, level="all", measure="drop_out").iloc[0]
    # one in 16 breaks off so late that it cannot be told from a skipped question
    assert off["ci_low"] < 100 * company["truth"].survey["broke_off"] * 15 / 16 < off["ci_high"]
    minutes = pick(stages, level="all", measure="minutes").iloc[0]
    assert minutes["ci_low"] < 6.5 < minutes["ci_high"] + 0.1
    rate = pick(stages, level="channel", measure="response_rate").set_index("group")["estimate"] / 100
    logit = np.log(rate / (1 - rate))
    assert_allclose(logit["shop"] - logit["email"], truth["channel_shop"], atol=0.25)
    assert_allclose(logit["sms"] - logit["email"], truth["channel_sms"], atol=0.1)
    who = survey.represented(sent, by=["channel", *KNOWN], cluster="customer_id")
    missing = set(who[(who["p_adjusted"] < 0.05) & (who["estimate"] < 0)]["group"])
    assert {"sms", "East", "Basic", "standard", "18-29"} <= missing
    assert not missing & {"shop", "Max", "VIP", "60+", "45-59"}


# answer quality


def answers(n=60):
    rng = np.random.default_rng(1)
    columns = {f"p{i}": rng.integers(2, 7, n).astype(float) for i in range(10)}
    columns |= {"overall": rng.integers(4, 7, n).astype(float), "nps": rng.integers(6, 10, n).astype(float)}
    start = pd.Timestamp("2026-10-01 10:00")
    return pd.DataFrame(columns).assign(
        invitation_id=[f"I{i}" for i in range(n)],
        started_at=start,
        responded_at=start + pd.to_timedelta(rng.integers(280, 420, n), unit="s"),
        sent_at=start.normalize(),
    )


CARE = Scale([Item(f"q{i}", perception=f"p{i}") for i in range(10)], low=1, high=7)
ITEM_COLUMNS = [f"p{i}" for i in range(10)]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (dict.fromkeys(ITEM_COLUMNS, 5.0), "straight_lining"),
        ({"responded_at": pd.Timestamp("2026-10-01 10:01")}, "speeder"),
        ({"overall": 1.0, "nps": 10.0}, "impossible"),
        ({"overall": 7.0, "nps": 0.0}, "impossible"),
        ({"started_at": pd.Timestamp("2026-09-30 23:00")}, "impossible"),
        (dict.fromkeys(ITEM_COLUMNS[:3], np.nan), "item_nonresponse"),
        ({"invitation_id": "I1", "responded_at": pd.Timestamp("2026-10-01 10:08")}, "duplicate"),
    ],
)
def test_each_rule_flags_what_it_says_and_nothing_else(change, flag):
    data = answers()
    rules = {"scale": CARE, "low": 1, "high": 7}
    assert survey.flagged(data, **rules).sum().sum() == 0
    for column, value in change.items():
        data.loc[5, column] = value
    found = survey.flagged(data, **rules)
    assert found.loc[5, [flag, "any"]].tolist() == [1, 1]
    assert found.drop(columns=[flag, "any"]).sum().sum() == 0
    assert found["any"].sum() == 1


def test_near_the_thresholds_nothing_is_flagged():
    data = answers()
    data.loc[5, ITEM_COLUMNS[:2]] = np.nan  # two of ten are not more than a quarter
    data.loc[6, ITEM_COLUMNS] = 5.0
    data.loc[6, "p9"] = 6.0
    data.loc[7, ["overall", "nps"]] = [3.0, 10.0]
    assert survey.flagged(data, scale=CARE, low=1, high=7)["any"].sum() == 0


def test_same_ratings_are_a_duplicate_once():
    data = answers()
    data.loc[[7, 9], ITEM_COLUMNS] = data.loc[3, ITEM_COLUMNS].to_numpy()
    data.loc[9, "responded_at"] = data["responded_at"].min() - pd.Timedelta(seconds=1)
    found = survey.flagged(data, scale=CARE, low=1, high=7)["duplicate"]
    assert set(found.index[found == 1]) == {3, 7}


def test_rules_without_data_are_missing_not_zero():
    found = survey.flagged(pd.DataFrame({"overall": [5.0, 6]}))
    assert found.isna().all().all()
    quality = survey.answer_quality(pd.DataFrame({"overall": [5.0, 6] * 20}))
    assert (quality.shares["n"] == 0).all()
    assert sentences.careless(quality.shares) == "Too few answers can be checked for care."


def test_headlines_by_hand():
    data = pd.DataFrame({"overall": [7.0, 6, 5, 1] * 6, "nps": [10.0, 9, 7, 10] * 6})
    found = survey.answer_quality(data, low=1, high=7)
    table = found.headlines.set_index(["measure", "part"])["estimate"]
    assert_allclose(table["overall"], [4.75, 6.0, 1.25])
    assert_allclose(table["nps"], [75, 200 / 3, 200 / 3 - 75])
    assert pick(found.shares, flag="impossible")["estimate"].tolist() == [25]


def test_overall_gap_is_that_of_servqual(company):
    rows = company["responses"]
    quality = survey.answer_quality(rows, scale=SAMPLE, low=1, high=7, weight="weight", cluster="customer_id")
    gaps = servqual.gaps(rows, scale=SAMPLE, weight="weight", cluster="customer_id")
    theirs = pick(gaps, level="overall", weighting="equal_dimensions", measure="gap").iloc[0]
    ours = pick(quality.headlines, measure="gap", part="all").iloc[0]
    columns = ["n", "n_eff", "estimate", "ci_low", "ci_high"]
    assert_allclose(ours[columns].astype(float), theirs[columns].astype(float))


def test_careless_answers_and_staff_of_the_sample_company(company):
    rows = survey.with_invitation(company["responses"], invitations=company["invitations"])
    design = {"weight": "weight", "cluster": "customer_id"}
    quality = survey.answer_quality(rows, scale=SAMPLE, low=1, high=7, **design)
    shares = quality.shares.set_index("flag")
    truth = company["truth"].survey
    for flag in ("straight_lining", "speeder"):
        assert shares.loc[flag, "ci_low"] - 0.2 < 100 * truth["careless"] < shares.loc[flag, "ci_high"]
    assert (quality.flags.query("straight_lining == 1")["speeder"] == 1).mean() > 0.95
    assert (shares.loc[["impossible", "duplicate"], "estimate"] == 0).all()
    # careless people expect 7 of everything: the gap is too wide with them
    assert pick(quality.headlines, measure="gap", part="difference")["ci_low"].item() > 0
    staff = survey.staff_difference(rows, staff="shop", scale=SAMPLE, **design)
    apart = pick(staff, part="difference").set_index("measure")
    # 0.40 on the latent scale, less where answers are cut at 7; satisfied people are not more often asked there
    assert 0.25 < apart.loc["overall", "estimate"] < 0.45
    assert "higher" in trust_sentences.staffed(staff, outcome="overall", name="satisfaction")


def test_weight_of_one_changes_nothing_and_a_constant_neither():
    data = answers().assign(one=1.0, w=np.random.default_rng(0).uniform(0.5, 2, 60))
    data.loc[5, ITEM_COLUMNS] = 5.0
    data = data.assign(w3=3 * data["w"])
    made = {
        w: survey.answer_quality(data, scale=CARE, low=1, high=7, weight=w).headlines["estimate"]
        for w in (None, "one", "w", "w3")
    }
    assert_allclose(made[None], made["one"])
    assert_allclose(made["w"], made["w3"])
    assert not np.allclose(made["w"], made["one"])


def test_staff_everywhere_or_nowhere_gives_no_row():
    data = answers().assign(channel="sms")
    assert survey.staff_difference(data, staff="shop").empty
    assert survey.staff_difference(data, staff="sms").empty


# sensitivity and weights


def test_sensitivity_line_by_hand_and_width():
    sent = pd.DataFrame({"answered": [1.0, 0, 0, 0] * 50})
    rows = pd.DataFrame({"overall": [4.0, 6.0] * 25})
    line = survey.sensitivity(rows, invited=sent, differences=[-2, 0, 1]).set_index("difference")
    assert_allclose(line["estimate"], [3.5, 5, 5.75])
    assert_allclose(line["shift"], [-1.5, 0, 0.75])
    assert (line["response_rate"] == 25).all()
    width = line["ci_high"] - line["ci_low"]
    assert width[-2] > width[0]  # the response rate is uncertain too


def test_truth_lies_on_the_line_and_weights_do_not_reach_it(company, sent):
    """Means are too high by about 0.1; the part that depends on satisfaction stays after weighting."""
    outcomes = company["truth"].outcomes
    everybody = outcomes[outcomes["region"] == "all"]
    truth = np.average(everybody["overall"], weights=everybody["customers"])
    design = {"weight": "weight", "cluster": "customer_id"}
    weights = survey.weightings(company["responses"], invited=sent, predictors=["channel", *KNOWN], **design)
    means = pick(weights, part="mean").set_index("weighting")
    assert set(means.index) == {"none", "given", "raked", "propensity"}
    assert (means["ci_low"] > truth).all()
    assert (pick(weights, part="difference")["estimate"] < 0).all()
    line = survey.sensitivity(company["responses"], invited=sent, differences=[-0.4, 0], **design)
    assert line["ci_low"][0] < truth < line["ci_low"][1]
    assert "does not cure" in trust_sentences.weighted(weights)


# questionnaire


@pytest.mark.parametrize(
    ("text", "rule", "severity"),
    [
        ("Staff are quick and polite.", "double_barrelled", "warning"),
        ("员工热情和专业", "double_barrelled", "warning"),
        ("Our excellent staff helped you.", "leading", "warning"),
        ("您是否满意我们优质的服务", "leading", "warning"),
        ("Staff are always there.", "absolute", "note"),
        ("Bills are not late.", "negation", "note"),
        ("It is not true that nobody helps.", "negation", "warning"),
        ("服务人员没有迟到", "negation", "note"),
        ("word " * 21, "long_text", "warning"),
    ],
)
def test_wording_a_person_should_judge(text, rule, severity):
    found = survey.questionnaire([text])
    assert pick(found, rule=rule)["severity"].tolist() == [severity]
    assert pick(survey.questionnaire(["Waiting was short.", "非常满意"]), rule=rule).empty


def test_time_length_and_mix():
    scale = Scale([Item(f"q{i}", "d", f"e{i}", f"p{i}") for i in range(22)], low=1, high=7, importance={"d": "x"})
    asked = survey.questions({"s": scale}, more={"nps": "closed", "comment": "open"})
    found = survey.questionnaire(asked).set_index("rule")
    assert_allclose(found.loc["minutes", "n"], (45 * 7.5 + 25 + 40) / 60)
    assert found.loc["minutes", "severity"] == "error"
    assert found.loc["long_block", "n"] == 44
    assert "no_open" not in found.index
    assert found["severity"].map(SEVERITIES.index).is_monotonic_increasing
    short = survey.questionnaire(survey.questions([scale]).head(3)).set_index("rule")
    assert short.loc["minutes", "severity"] == "note"
    assert "no_open" in short.index
    assert "many_open" in set(survey.questionnaire(pd.DataFrame({"text": list("ab"), "kind": "open"}))["rule"])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("chinese", [False, True])
def test_shipped_answers_are_balanced_and_a_kind_scale_is_not(preset, chinese):
    labels = {k: v for k, v in PRESETS[preset].items() if any("一" <= c <= "鿿" for c in k) == chinese}
    scale = Scale([Item("q", perception="p")], low=0, high=10, labels=labels)
    assert pick(survey.questionnaire(survey.questions([scale])), rule="unbalanced").empty
    kind = {"Poor": 1.0, "Fair": 2.0, "Good": 3.0, "Very good": 4.0, "Excellent": 5.0}
    scale = Scale([Item("q", perception="p")], low=1, high=5, labels=kind)
    assert len(pick(survey.questionnaire(survey.questions([scale])), rule="unbalanced", n=3, limit=1)) == 1


@pytest.mark.parametrize(
    ("waves", "changed"),
    [([], True), (["Q1", "Q2"], True), (["Q1", "Q2", "Q3"], False), (["Q1"], True)],
)
def test_changes_since_the_wave_before(waves, changed):
    scale = Scale([Item("q", perception="p")], low=1, high=5)
    wording = {"q": {"Q1": "It works.", "Q2": "It works well."}}
    found = survey.questionnaire(survey.questions([scale], wording=wording, waves=waves))
    assert pick(found, rule="changed")["found"].tolist() == ["It works."] * changed


def test_every_rule_can_be_said():
    texts = ["Staff are always excellent and not late.", "x " * 30]
    table = pd.DataFrame({"text": texts, "before": ["Old.", ""]})
    said = questionnaire_sentences.listed(survey.questionnaire(table))
    assert not said["what"].str.contains("{", regex=False).any()
    assert set(survey.questionnaire(table)["rule"]) <= set(questionnaire_sentences.SAID)
    with pytest.raises(ValueError, match="at least one question"):
        survey.questionnaire([])


# figures


def test_figures_keep_their_numbers_and_say_what_they_show(sent, company):
    stages = survey.funnel(sent, by=["channel", "region"], cluster="customer_id")
    who = survey.represented(sent, by=["channel", "region"], cluster="customer_id")
    line = survey.sensitivity(company["responses"], invited=sent, cluster="customer_id")
    weights = survey.weightings(company["responses"], invited=sent, predictors=["channel"], cluster="customer_id")
    drawn = [
        plots.plot_response(stages, names=NAMES),
        plots.plot_represented(who, names=NAMES),
        plots.plot_sensitivity(line, weights, outcome="overall"),
    ]
    for ax in drawn:
        assert ax.get_label()
        assert len(ax.csat_table["rows"]) >= 7
    assert "(shop, channel)" in drawn[0].get_label()
    plt.close("all")


def test_small_groups_are_not_named():
    rows = {"level": "age", "group": ["a", "b"], "n": [4, 90], "estimate": [-9.0, 9.0], "p_adjusted": 0.001}
    text = sentences.missing(pd.DataFrame(rows), names={})
    assert "a (age)" not in text
    assert "b (age)" not in text  # shown alone it would tell the other


def test_flags_have_names():
    assert set(FLAGS) < set(survey.answer_quality(answers(), scale=CARE).shares["flag"])


# long


@pytest.mark.long
def test_coverage_of_rate_median_and_difference():
    """Customers answer alike: 300 surveys of 400 customers, each invited twice; limits near 95 %."""
    rng, hits = np.random.default_rng(3), np.zeros(3)
    runs = 300
    for _ in range(runs):
        chance = np.repeat(rng.beta(2, 3, 400), 2)
        young = np.repeat(rng.random(400) < 0.4, 2)
        answered = (rng.random(800) < np.where(young, 0.75 * chance, chance)).astype(float)
        data = pd.DataFrame({"answered": answered, "customer_id": np.repeat(np.arange(400), 2)})
        speed = np.repeat(rng.normal(0, 0.3, 400), 2)
        minutes = 6.0 * np.exp(speed + rng.normal(0, 0.3, 800))
        data = data.assign(completed=answered, days=0.0, age=np.where(young, "young", "old"))
        data["minutes"] = np.where(answered == 1, np.round(minutes * 60) / 60, np.nan)
        found = survey.funnel(data, cluster="customer_id").set_index("measure")
        true = 100 * 0.4 * (0.4 * 0.75 + 0.6)
        hits[0] += found.loc["response_rate", "ci_low"] < true < found.loc["response_rate", "ci_high"]
        hits[1] += found.loc["minutes", "ci_low"] <= 6.0 <= found.loc["minutes", "ci_high"]
        share = pick(survey.represented(data, by="age", cluster="customer_id"), group="young").iloc[0]
        apart = 100 * (0.3 / 0.9 - 0.4)
        hits[2] += share["ci_low"] < apart < share["ci_high"]
    assert (hits / runs > 0.92).all(), hits / runs
    assert (hits / runs < 0.985).all(), hits / runs


def test_a_lower_figure_has_limits_of_the_same_sign():
    row = {"measure": "overall", "part": "difference", "n": 90, "estimate": -0.4, "ci_low": -0.7, "ci_high": -0.1}
    told = trust_sentences.staffed(
        pd.DataFrame([row | {"p_adjusted": 0.01}]), outcome="overall", name="satisfaction"
    )
    assert "0.40 points lower (95 % interval 0.10 to 0.70" in told
    open_ = trust_sentences.staffed(
        pd.DataFrame([row | {"p_adjusted": 0.5}]), outcome="overall", name="satisfaction"
    )
    assert "(95 % interval \N{MINUS SIGN}0.70 to \N{MINUS SIGN}0.10)" in open_
