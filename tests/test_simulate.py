"""The sample company: coherent, the same every time, and as its truth says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csatlib.tables.schema import TABLES
from csatlib.tables.simulate import simulate, write
from csatlib.tables.simulate.__main__ import main
from csatlib.tables.simulate.items import COLUMNS, DIMENSIONS, ITEMS, REWORDED
from csatlib.tables.simulate.truth import answer, expected_answer
from csatlib.tables.simulate.words import BANKS, THEMES

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
STAGES = ["opened_at", "first_response_at", "resolved_at", "informed_at", "followed_up_at"]
KEYS = {
    "customers": ["customer_id"],
    "invitations": ["invitation_id"],
    "responses": ["response_id"],
    "transactions": ["customer_id", "occurred_at", "kind"],
    "contacts": ["contact_id"],
    "touchpoints": ["touchpoint", "rater"],
    "complaints": ["complaint_id"],
    "promises": ["promise_id"],
    "operations": ["unit", "period", "metric"],
    "employees": ["unit", "period"],
    "targets": ["metric", "group", "period", "source"],
    "actions": ["action_id"],
}
EVENTS = {
    "invitations": ["sent_at"],
    "responses": ["started_at", "responded_at"],
    "transactions": ["occurred_at"],
    "contacts": ["occurred_at"],
    "complaints": STAGES,
    "promises": ["due_at", "done_at"],
}
ITEM_COLUMNS = [f"{side}{s.item[1:]}" for side in "ep" for s in ITEMS]


@pytest.fixture(scope="module")
def company():
    return simulate()


@pytest.fixture(scope="module")
def tables(company):
    return company.tables


@pytest.fixture(scope="module")
def answers(tables):
    """Relationship answers with their month; what does not apply is missing."""
    return relationship(tables["responses"])


def relationship(responses):
    rows = responses[responses["survey"] == "relationship"].reset_index(drop=True)
    rows[ITEM_COLUMNS] = rows[ITEM_COLUMNS].replace(9, np.nan)
    return rows.assign(month=rows["responded_at"].dt.strftime("%Y-%m"))


def items_of(dimension, side="p"):
    return [f"{side}{s.item[1:]}" for s in ITEMS if s.dimension == dimension]


def month(times):
    return times.dt.strftime("%Y-%m")


def test_twenty_two_statements_in_the_classic_order():
    assert [s.item for s in ITEMS] == [f"q{k:02d}" for k in range(1, 23)]
    counts = pd.Series([s.dimension for s in ITEMS]).value_counts(sort=False)
    assert counts.to_dict() == dict(zip(DIMENSIONS, (4, 5, 4, 4, 5), strict=True))
    assert max(len(s.label) for s in ITEMS) <= 45
    assert REWORDED["q07"]["2025-Q2"] == ITEMS[6].statement


def test_every_table_has_its_columns_and_types(tables):
    assert {name: tuple(table) for name, table in tables.items()} == COLUMNS
    undated = {"left", "seen_on"}  # for companies that do not know when; the sample company does
    lacking = {n: {c.name for c in table.columns} - set(tables[n]) - undated for n, table in TABLES.items()}
    assert not any(lacking.values()), lacking
    kinds = {str(dtype) for table in tables.values() for dtype in table.dtypes}
    assert kinds == {"str", "float64", "datetime64[us]", "bool"}
    assert all(len(table) for table in tables.values())


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique(tables, name):
    assert not tables[name].duplicated(KEYS[name]).any()


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_happens_before_joining_or_after_leaving(tables, name):
    customers = tables["customers"].set_index("customer_id")
    rows = tables[name].dropna(subset="customer_id")
    joined = rows["customer_id"].map(customers["joined_on"])
    left = rows["customer_id"].map(customers["left_on"])
    assert joined.notna().all()
    for column in EVENTS[name]:
        times = rows[column]
        assert not (times < joined).any()
        assert not (times >= left).any()
        assert times.min() >= pd.Timestamp("2025-05-01")
        assert times.max() < pd.Timestamp("2026-11-01")


@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("invitations", "contact_id", "contacts"),
        ("responses", "invitation_id", "invitations"),
        ("responses", "contact_id", "contacts"),
        ("complaints", "promise_id", "promises"),
    ],
)
def test_references_are_found_and_belong_to_the_same_customer(tables, table, column, target):
    rows = tables[table].dropna(subset=column)
    found = rows.merge(tables[target], on=column, how="left", suffixes=("", "_there"))
    assert len(found) == len(rows) > 50
    assert (found["customer_id"] == found["customer_id_there"]).all()


def test_an_invitation_is_answered_once_after_it_was_sent(tables):
    rows = tables["responses"].dropna(subset="invitation_id")
    assert not rows["invitation_id"].duplicated().any()
    both = rows.merge(tables["invitations"], on=["invitation_id", "survey"], how="inner")
    assert len(both) == len(rows)
    assert (both["started_at"] >= both["sent_at"]).all()
    assert (both["responded_at"] > both["started_at"]).all()


def test_contacts_of_a_case_belong_to_one_customer(tables):
    contacts = tables["contacts"].dropna(subset="customer_id")
    per_case = contacts.groupby("case_id")["customer_id"].agg(["nunique", "size"])
    assert (per_case["nunique"] == 1).all()
    assert (per_case["size"] > 1).mean() > 0.05


def test_complaints_go_through_their_stages_in_order(tables):
    complaints = tables["complaints"]
    for earlier, later in zip(STAGES, STAGES[1:], strict=False):
        reached = complaints[complaints[later].notna()]
        assert reached[earlier].notna().all()
        assert (reached[later] >= reached[earlier]).all()
    unresolved = complaints["resolved_at"].isna()
    assert complaints["compensation"].isna().equals(unresolved)
    assert not complaints.loc[unresolved, "reopened"].any()
    assert complaints.loc[complaints["followed_up_at"].isna(), "rating_after"].isna().all()
    causes = complaints[[f"cause_{k}" for k in range(1, 6)]].notna().to_numpy()
    assert (np.diff(causes.astype(int), axis=1) <= 0).all()


def test_complaints_follow_the_broken_promise_behind_them(tables):
    both = tables["complaints"].merge(tables["promises"], on="promise_id")
    assert (both["opened_at"] >= both["due_at"].dt.normalize()).all()
    assert not (both["done_at"] <= both["due_at"]).any()


def test_answers_lie_on_their_scales(tables):
    responses = tables["responses"]
    for column in ITEM_COLUMNS:
        assert set(responses[column].dropna()) <= {1, 2, 3, 4, 5, 6, 7, 9}
    for column, scale in {"overall": range(1, 8), "ces": range(1, 8), "nps": range(11)}.items():
        assert set(responses[column].dropna()) <= set(scale)
    assert set(tables["contacts"]["rating"].dropna()) <= set(range(1, 8))
    marks = tables["touchpoints"][["impact", "operational", "experience"]]
    assert set(marks.melt()["value"].dropna()) <= set(range(1, 11))
    assert responses.loc[responses["survey"] == "transactional", ITEM_COLUMNS].isna().all().all()


def test_answers_are_realistic(tables, answers):
    expected, seen = (answers[[c for c in ITEM_COLUMNS if c[0] == s]].melt()["value"] for s in "ep")
    assert expected.mean() == pytest.approx(6.2, abs=0.2)
    assert seen.mean() == pytest.approx(5.3, abs=0.2)
    assert expected.skew() < -0.5
    raw = tables["responses"].query("survey == 'relationship'")[ITEM_COLUMNS]
    assert 0.01 < (raw == 9).to_numpy().mean() < 0.03
    assert 0.01 < raw.isna().to_numpy().mean() < 0.05
    assert 0.05 < answers["customer_id"].isna().mean() < 0.11
    assert answers["customer_id"].value_counts().mean() > 2
    per_cell = answers.groupby(["month", "region"]).size()
    assert len(per_cell) == 72
    assert per_cell.mean() == pytest.approx(85, abs=7)


def test_importance_points_mostly_add_up(answers):
    points = answers[[f"points_{d}" for d in DIMENSIONS]]
    total = points.sum(axis=1, min_count=1).dropna()
    assert 0.015 < (total != 100).mean() < 0.045
    assert points.min().min() >= 0
    assert 0.03 < points.isna().all(axis=1).mean() < 0.10
    assert (points.isna().any(axis=1) == points.isna().all(axis=1)).all()


def test_weights_restore_the_customers_margins(tables, answers):
    customers = tables["customers"]
    wave = answers[answers["wave"] == "2026-Q3"]
    there = (customers["joined_on"] < "2026-08-01") & ~(customers["left_on"] < "2026-08-01")
    for margin in ("region", "plan", "age_band"):
        target = customers[there][margin].value_counts(normalize=True)
        weighted = wave.groupby(margin)["weight"].sum() / wave["weight"].sum()
        # a wave's margins are those of its three months, the target here is the middle one's
        assert (weighted - target).abs().max() < 0.01
    plain = wave["age_band"].value_counts(normalize=True)
    assert (plain - customers[there]["age_band"].value_counts(normalize=True)).abs().max() > 0.03
    assert answers.groupby("wave")["weight"].mean().to_numpy() == pytest.approx(1, abs=0.001)


def test_comments_are_varied_and_in_two_languages(answers):
    comments = answers["comment"].dropna()
    assert 0.25 < len(comments) / len(answers) < 0.45
    assert comments.nunique() / len(comments) > 0.8
    chinese = comments.str.contains("[一-鿿]")
    assert 0.1 < chinese.mean() < 0.3
    assert comments.str.contains("@example").sum() >= 3
    assert comments.str.contains(r"7700 ?900|138 ?0013").sum() >= 3
    assert not comments.str.contains(r"[{}\n]").any()


def test_comments_fit_the_scores(answers):
    about = answers[answers["comment"].str.contains("technician came .* late|点|白等|nobody showed up", na=False)]
    pleased = answers[answers["comment"].str.contains("technician came exactly on time", case=False, na=False)]
    field = ["p05", "p07", "p08", "p10"]
    assert about[field].mean(axis=1).mean() < pleased[field].mean(axis=1).mean() - 0.8


def test_clause_banks_cover_every_theme_and_tone():
    for bank in BANKS.values():
        assert tuple(bank) == THEMES
        assert all(len(tones) == 3 and all(tones) for tones in bank.values())


def test_same_seed_same_company_other_seed_other_company():
    one, same, other = (simulate(s, customers=200, months=4).tables for s in (3, 3, 4))
    for name in COLUMNS:
        pd.testing.assert_frame_equal(one[name], same[name])
    assert not one["responses"].equals(other["responses"])


def test_a_quiet_company_has_the_same_people_and_no_story():
    told, quiet = (simulate(5, customers=300, stories=s) for s in (True, False))
    columns = ["customer_id", "joined_on", "region", "plan"]
    pd.testing.assert_frame_equal(told.tables["customers"][columns], quiet.tables["customers"][columns])
    assert quiet.truth.stories == ()
    before = told.truth.items["month"] < "2026-06"
    pd.testing.assert_frame_equal(told.truth.items[before], quiet.truth.items[before])
    assert latent_change(quiet, "responsiveness", "North") == pytest.approx(0, abs=0.1)


def latent_change(company, dimension, region):
    """Change of the latent perception from May to October 2026."""
    rows = company.truth.dimensions.set_index(["month", "region", "dimension"])["perception_latent"]
    return rows["2026-10", region, dimension] - rows["2026-05", region, dimension]


def test_arguments_are_checked_all_at_once():
    with pytest.raises(ValueError, match=r"customers is 3.*months is 1.*end is 'May'"):
        simulate(customers=3, months=1, end="May")


def test_expected_answer_is_the_mean_of_the_answers():
    latent = np.random.default_rng(1).normal(6.2, 0.9, 400_000)
    # Monte Carlo standard error 0.0013
    assert expected_answer(np.array(6.2), 0.9) == pytest.approx(answer(latent).mean(), abs=0.006)
    assert answer(np.array([-3.0, 4.49, 4.5, 12.0])).tolist() == [1, 4, 5, 7]


def test_answers_recover_the_truth(company, answers):
    truth = company.truth.items.query("region == 'all'").groupby("item")[["expectation", "perception"]].mean()
    wanted, seen = (answers[[f"{s}{i[1:]}" for i in truth.index]].mean().to_numpy() for s in "ep")
    assert np.abs(wanted - truth["expectation"]).max() < 0.06
    # the satisfied answer more often, and some are asked with staff present
    assert (seen - truth["perception"]).between(0.0, 0.2).all()


def test_october_gap_in_the_north_is_near_the_truth(company, answers):
    truth = company.truth.dimensions.query("month == '2026-10'").set_index(["region", "dimension"])["gap"]
    rows = answers[answers["month"] == "2026-10"]
    for region in ("North", "South"):
        here = rows[rows["region"] == region]
        for dimension in ("reliability", "responsiveness"):
            gap = here[items_of(dimension)].mean(axis=1) - here[items_of(dimension, "e")].mean(axis=1)
            # 0.09: the satisfied answer more often
            error = gap.mean() - truth[region, dimension] - 0.09
            assert abs(error) < 3.5 * gap.std() / np.sqrt(len(gap))
    assert -0.95 < truth["North", "responsiveness"] - truth["South", "responsiveness"] < -0.6


def test_leavers_recover_the_hazard(company, tables):
    hazards = company.truth.hazards
    left = tables["customers"]["left_on"].notna().sum()
    sd = np.sqrt((hazards["hazard"] * (1 - hazards["hazard"])).sum())
    assert abs(left - hazards["hazard"].sum()) < 4 * sd
    assert left > 500
    region = hazards["customer_id"].map(tables["customers"].set_index("customer_id")["region"])
    late = hazards["month"] >= "2026-08"
    mean = hazards[late].groupby(region[late])["hazard"].mean()
    assert mean["North"] > 1.4 * mean.drop("North").max()


def test_stories_begin_when_and_where_they_are_told(company):
    backlog, billing = company.truth.stories
    assert (backlog.start, backlog.regions) == ("2026-06", ("North",))
    assert (billing.start, billing.items) == ("2026-08", {"q04": 0.45, "q09": 0.55})
    assert backlog.ramp[12:15] == (0.0, 0.7, 1.0)
    assert latent_change(company, "responsiveness", "North") < -0.7
    assert latent_change(company, "responsiveness", "East") > -0.1
    latent = company.truth.items.query("region == 'all'").pivot_table(
        "perception_latent", index="month", columns="item"
    )
    lift = (latent["q09"] - latent["q15"]).diff()
    assert lift["2026-08"] == pytest.approx(0.55, abs=0.02)
    worded = (latent["q07"] - latent["q15"]).diff()
    assert worded["2026-04"] == pytest.approx(-0.25, abs=0.02)
    assert company.truth.reworded["wave"] == "2026-Q2"


def test_backlog_shows_in_contacts_promises_and_operations(tables):
    contacts, promises, operations = (tables[k] for k in ("contacts", "promises", "operations"))
    visits = contacts[contacts["unit"] == "North field service"]
    late = month(visits["occurred_at"]) >= "2026-07"
    assert visits[late]["wait_seconds"].median() > 1.7 * visits[~late]["wait_seconds"].median()
    assert visits[late]["rating"].mean() < visits[~late]["rating"].mean() - 0.7
    due = promises[promises["promise"] == "Technician appointment"]
    kept = (due["done_at"] <= due["due_at"]).groupby([month(due["due_at"]) >= "2026-07", due["region"]]).mean()
    assert kept[True, "North"] < 0.65 < 0.75 < kept[False, "North"]
    assert kept[True].drop("North").min() > 0.75
    rows = operations.query("unit == 'North field service' and metric == 'appointments_kept'")
    north = due[due["region"] == "North"]
    assert rows["denominator"].sum() == len(north)
    assert rows["numerator"].sum() == (north["done_at"] <= north["due_at"]).sum()


def test_written_files_read_back_the_same(tmp_path):
    made = simulate(6, customers=150, months=5)
    paths = write(made, tmp_path)
    assert [path.stem for path in paths] == list(COLUMNS)
    for path in paths:
        text = path.read_bytes()
        assert b"\r" not in text
        back = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"period": str})
        original = made.tables[path.stem]
        assert back.isna().sum().to_dict() == original.isna().sum().to_dict()
        for column in original.select_dtypes("number"):
            np.testing.assert_allclose(back[column], original[column], atol=0.0005)
        for column in original.select_dtypes("datetime"):
            assert (pd.to_datetime(back[column]).dropna() == original[column].dropna()).all()


def test_committed_sample_is_regenerated_byte_for_byte(tmp_path):
    assert main([str(tmp_path)]) == 0
    for name in COLUMNS:
        assert (tmp_path / f"{name}.csv").read_bytes() == (SAMPLE / f"{name}.csv").read_bytes(), name
    assert main([]) == 2


def test_committed_sample_is_small_and_has_a_codebook():
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 6_000_000
    book = (SAMPLE / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", book, re.MULTILINE | re.DOTALL))
    for name, columns in COLUMNS.items():
        described = set(re.findall(r"\w+", " ".join(re.findall(r"^\| ([^|]*)", sections[name], re.MULTILINE))))
        ranges = {c for c in columns if re.fullmatch(r"[ep]\d\d|cause_[2-4]", c)}
        assert not set(columns) - ranges - described, name
    for statement in ITEMS:
        assert f"| {statement.item} | {statement.dimension} | {statement.statement} |" in book


def north_against_rest(answers, column):
    """Z of the North's change from a year before to October 2026 against the change elsewhere."""
    value = answers[column].mean(axis=1)
    cells = value.groupby([answers["month"], answers["region"] == "North"])
    mean, variance = cells.mean(), cells.var() / cells.count()
    cell = [("2026-10", True), ("2025-10", True), ("2026-10", False), ("2025-10", False)]
    change = mean[cell[0]] - mean[cell[1]] - mean[cell[2]] + mean[cell[3]]
    return change / np.sqrt(sum(variance[c] for c in cell))


@pytest.mark.long
def test_stories_are_found_in_nine_companies_of_ten():
    found = []
    for seed in range(20):
        tables = simulate(seed).tables
        answers = relationship(tables["responses"])
        bills = tables["contacts"].query("touchpoint == 'Billing'").dropna(subset="rating")
        after = month(bills["occurred_at"]) >= "2026-08"
        new, old = bills.loc[after, "rating"], bills.loc[~after, "rating"]
        lift = (new.mean() - old.mean()) / np.sqrt(new.var() / len(new) + old.var() / len(old))
        complaints = tables["complaints"]
        recent = complaints[month(complaints["opened_at"]) >= "2026-07"]
        found.append(
            {
                "responsiveness": north_against_rest(answers, items_of("responsiveness")) < -2,
                "reliability": north_against_rest(answers, items_of("reliability")) < -2,
                "billing": lift > 2,
                "complaints": recent["region"].value_counts().idxmax() == "North",
            }
        )
    rates = pd.DataFrame(found).mean()
    assert (rates[["responsiveness", "billing", "complaints"]] >= 0.9).all(), rates
    # smaller by design: one of its five statements is about bills
    assert rates["reliability"] >= 0.75, rates


@pytest.mark.long
def test_quiet_companies_rarely_look_like_the_story():
    z = [
        north_against_rest(
            relationship(simulate(seed, stories=False).tables["responses"]), items_of("responsiveness")
        )
        for seed in range(20)
    ]
    assert sum(abs(value) > 2 for value in z) <= 4
    assert abs(np.mean(z)) < 4 / np.sqrt(20)
