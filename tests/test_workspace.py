from pathlib import Path

import pandas as pd
import pytest
from company_folder import CUSTOMERS, RESPONSES, write_company

from csatlib.tables import workspace

ROOT = Path(__file__).parent.parent
CONTACTS = """contact_id,customer_id,touchpoint,occurred_at,resolved,rating
K1,C1,shop,2026-09-05 10:00:00,true,4
K2,C2,hotline,2026-10-31 23:59:59,false,
K3,,hotline,2026-11-01 00:00:00,,3
"""
TARGETS = "metric,period,target,source\nnps,2026,10,board\nnps,2026-09,11,board\nnps,2025,9,board\n"
OPERATIONS = "unit,period,metric,value\na,2026-10,m,1\na,2026-Q4,m,2\na,2026-09,m,3\na,2026,m,4\n"


@pytest.fixture
def company(tmp_path):
    return write_company(
        tmp_path,
        customers=CUSTOMERS,
        responses=RESPONSES,
        contacts=CONTACTS,
        targets=TARGETS,
        operations=OPERATIONS,
    )


def ids(frame):
    return frame.iloc[:, 0].tolist()


def test_period_limits_each_table_by_its_time(company):
    ws = workspace.open(company, period="2026-10")
    assert ids(ws.responses) == ["R1"]
    assert ids(ws.contacts) == ["K2"]
    assert ids(ws.customers) == ["C1", "C2", "C3"]
    assert ws.targets["target"].tolist() == [10]
    assert ws.operations["value"].tolist() == [1, 2]
    assert (ws.period.label, ws.period.start, ws.period.end) == (
        "2026-10",
        pd.Timestamp("2026-10-01"),
        pd.Timestamp("2026-11-01"),
    )
    assert ids(workspace.open(company, period="2026-11").contacts) == ["K3"]
    assert ids(workspace.open(company).contacts) == ["K1", "K2", "K3"]


def test_counts(company):
    ws = workspace.open(company, period="2026-10", where={"region": "North"})
    assert ws.counts.columns.tolist() == ["table", "read", "used", "rejected"]
    used = {t: (r, u, x) for t, r, u, x in ws.counts.itertuples(index=False)}
    assert used["responses"] == (3, 1, 0)
    assert used["contacts"] == (3, 0, 0)
    assert used["customers"] == (3, 2, 0)
    assert used["targets"] == (3, 1, 0)


def test_quarter_and_year_label_the_period_column(company):
    assert workspace.open(company, period="2026-10").responses["period"].tolist() == ["2026-10"]
    quarter = workspace.open(company, period="2026-Q3").responses
    assert (ids(quarter), set(quarter["period"])) == (["R2", "R3"], {"2026-Q3"})
    assert workspace.open(company, period="2026").responses["period"].tolist() == ["2026"] * 3
    assert workspace.open(company).responses["period"].tolist() == ["2026-10", "2026-09", "2026-08"]


def test_previous_and_last(company):
    ws = workspace.open(company, period="2026-10")
    assert ids(ws.previous().responses) == ["R2"]
    assert ids(ws.previous(2).responses) == ["R3"]
    assert ids(ws.previous(12).responses) == []
    assert ws.year_before().period.label == "2025-10"
    assert workspace.open(company, period="2026-Q4").year_before().period.label == "2025-Q4"
    assert workspace.open(company, period="2026").year_before().period.label == "2025"
    assert ws.last(3).responses["period"].tolist() == ["2026-10", "2026-09", "2026-08"]
    assert ws.last(3).period.labels == ["2026-08", "2026-09", "2026-10"]
    with pytest.raises(ValueError, match=r"previous\(\) needs a period"):
        workspace.open(company).previous()


def test_where(company):
    south = workspace.open(company, where={"region": "South"})
    # responses carry no region here: through their customers; the anonymous ones drop out
    assert ids(south.responses) == ["R3"]
    assert ids(south.contacts) == ["K2"]
    assert ids(south.customers) == ["C2"]
    assert len(south.operations) == 4
    both = workspace.open(company, where={"region": ["South", "North"], "touchpoint": "hotline"})
    assert ids(both.contacts) == ["K2"]
    north = workspace.open(company, period="2026-10", where={"region": "North"})
    assert ids(north.previous().responses) == []
    assert ids(north.last(3).responses) == ["R1"]


def test_where_takes_numbers_and_booleans(company):
    assert ids(workspace.open(company, where={"nps": [9, 10]}).responses) == ["R1", "R2"]
    assert ids(workspace.open(company, where={"resolved": True}).contacts) == ["K1"]


def test_a_tables_own_column_goes_before_the_customers(tmp_path):
    text = "response_id,customer_id,responded_at,region\na,C1,2026-10-01,South\nb,,2026-10-01,North\n"
    file = write_company(tmp_path, customers=CUSTOMERS, responses=text, scale="")
    assert ids(workspace.open(file, where={"region": "North"}).responses) == ["b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "2026-1"}, "write a month as '2026-10', a quarter as '2026-Q3' or a year as '2026'"),
        ({"period": "2027-01"}, r"period 2027-01: no table has rows in it; months with data: 2026-08 to 2026-11$"),
        ({"where": {"regoin": "x"}}, r"no table has a column 'regoin' \(did you mean 'region'\?\); columns: "),
        (
            {"where": {"region": ["North", "Nrth"]}},
            r"'region' is never 'Nrth' \(did you mean 'North'\?\); there are",
        ),
        ({"where": {"region": "x", "touchpoint": "y"}}, "'region' is never 'x'.*'touchpoint' is never 'y'"),
        ({"where": {"region": []}}, "'region' has no value"),
    ],
)
def test_wrong_arguments(company, options, message):
    with pytest.raises(ValueError, match=message):
        workspace.open(company, **options)


def test_missing_table(company):
    ws = workspace.open(company)
    assert ws.has("responses")
    assert ws.has("responses", "nps", "comment")
    assert not ws.has("responses", "nps", "mood")
    assert not ws.has("complaints")
    assert not hasattr(ws, "complaints")
    with pytest.raises(AttributeError, match=r"put complaints.csv or complaints.parquet into source"):
        _ = ws.complaints
    with pytest.raises(AttributeError, match=r"no table or attribute 'respones' \(did you mean 'responses'\?\)"):
        _ = ws.respones


def test_weight(company, tmp_path):
    assert workspace.open(company, period="2026-10").weight == "weight"
    constant = write_company(tmp_path / "b", responses=RESPONSES.replace("9,2,", "9,1,"))
    assert workspace.open(constant).weight is None
    text = "response_id,responded_at\na,2026-10-01\n"
    assert workspace.open(write_company(tmp_path / "c", responses=text, scale="")).weight is None
    assert workspace.open(write_company(tmp_path / "d", customers=CUSTOMERS, scale="")).weight is None


def test_changing_a_frame_does_not_change_the_next(company):
    ws = workspace.open(company)
    frame = ws.responses
    frame.loc[0, "nps"] = -1.0
    frame["weight"] = 5.0
    assert ws.responses["weight"].tolist() == [1, 2, 1]
    assert ws.responses["nps"].tolist() == [10, 9, 0]


def test_settings_are_at_hand(company):
    ws = workspace.open(company, period="2026-10")
    assert (ws.min_base, ws.min_comments, ws.min_rank) == (10, 8, 30)
    assert ws.company.name == "Tiny"
    assert ws.scales["care"].high == 7
    assert ws.snapshot.name
    assert len(ws.fingerprint) == 64
    assert repr(ws).startswith("Workspace('Tiny', 2026-10")
    assert {"responses", "contacts"} <= set(dir(ws))


def test_latest_period(company, tmp_path):
    assert workspace.latest_period(company) == "2026-10"
    with pytest.raises(ValueError, match="has no responses, contacts, complaints, transactions: name a period"):
        workspace.latest_period(write_company(tmp_path / "b", customers=CUSTOMERS, scale=""))


def test_latest_period_without_responses_is_that_of_the_contacts(tmp_path):
    contacts = "contact_id,touchpoint,occurred_at\nK1,Shop,2026-08-01 10:00:00\n"
    assert workspace.latest_period(write_company(tmp_path, contacts=contacts, scale="")) == "2026-08"


def test_ibis_table_is_limited_too(company):
    ws = workspace.open(company, period="2026-10")
    assert ws.table("responses").count().to_pyarrow().as_py() == 1


def test_period_of_rejected_rows_only(tmp_path):
    file = write_company(tmp_path, responses="response_id,responded_at\na,2026-08-01\nb,03.10.2026\n", scale="")
    with pytest.raises(ValueError, match=r"months with data: 2026-08 \(1 rows were rejected: see ws.problems\)"):
        workspace.open(file, period="2026-10")


def test_sample_company(monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    ws = workspace.open("csat.toml", period="2026-10")
    assert ws.weight == "weight"
    assert workspace.latest_period() == "2026-10"
    assert ws.counts["rejected"].sum() == 0
    assert ws.last(6).responses["period"].nunique() == 6
    assert ws.responses["p07_na"].dtype == bool
    assert ws.targets["period"].unique().tolist() == ["2026"]


def test_reworded_items_of_the_sample_company():
    ws = workspace.open(Path(__file__).parents[1] / "csat.toml", period="2026-10")
    assert ws.reworded() == []
    assert ws.reworded(since=ws.previous()) == []
    assert ws.reworded(since=ws.year_before()) == ws.last(18).reworded() == ["q07"]


def test_cluster_is_the_customer_where_there_is_one(company, tmp_path):
    assert workspace.open(company).cluster == "customer_id"
