import pandas as pd
import pytest

from csatlib.tables import schema
from csatlib.tables.schema import TABLES, Column, Table, check

DAY = pd.Timestamp("2026-10-03")


def found(frame, table, **options):
    return check(frame, table, **options)[["row", "column", "rule"]].values.tolist()


def test_twelve_tables_with_their_keys():
    assert list(TABLES) == [
        *("customers", "invitations", "responses", "transactions", "contacts", "touchpoints"),
        *("complaints", "promises", "operations", "employees", "targets", "actions"),
    ]
    for name, table in TABLES.items():
        names = [column.name for column in table.columns]
        named = {*table.key, *([table.time] if table.time else []), *sum(table.order, ()), *sum(table.either, ())}
        assert named <= set(names), name
        assert len(names) == len(set(names)), name
        assert {column.kind for column in table.columns} <= set(schema.KINDS), name


@pytest.mark.parametrize(
    ("table", "required"),
    [
        ("customers", "customer_id joined_on"),
        ("invitations", "invitation_id sent_at channel"),
        ("responses", "response_id responded_at"),
        ("transactions", "customer_id occurred_at amount"),
        ("contacts", "contact_id touchpoint occurred_at"),
        ("touchpoints", "touchpoint stage purpose role owner impact operational experience"),
        ("complaints", "complaint_id channel category opened_at"),
        ("promises", "promise_id promise due_at"),
        ("operations", "unit period metric"),
        ("employees", "unit period satisfaction n"),
        ("targets", "metric period target source"),
        ("actions", "action_id finding owner opened_on due_on status"),
    ],
)
def test_required_columns(table, required):
    assert [c.name for c in TABLES[table].columns if c.required] == required.split()


def test_clean_rows_have_no_problem():
    frame = pd.DataFrame({"customer_id": ["C1", "C2"], "joined_on": [DAY, DAY], "left_on": [pd.NaT, DAY]})
    assert check(frame, TABLES["customers"]).empty
    assert check(frame.iloc[:0], TABLES["customers"]).empty


def test_missing_range_and_category():
    table = Table(
        (
            Column("id", "key", required=True, nullable=False),
            Column("n", "number", low=0, high=10),
            Column("w", "number", low=0),
            Column("by", "category", allowed=("human", "bot")),
        ),
        key=("id",),
    )
    frame = pd.DataFrame(
        {"id": ["a", None, "c"], "n": [10.0, 0.0, 10.5], "w": [0.0, 5.0, -1.0], "by": ["bot", None, "robot"]}
    ).astype({"id": "str", "by": "str"})
    assert found(frame, table) == [
        [1, "id", "missing"],
        [2, "by", "not one of human, bot"],
        [2, "n", "not between 0 and 10"],
        [2, "w", "below 0"],
    ]


def test_recommendation_is_0_to_10():
    frame = pd.DataFrame({"response_id": list("abcd"), "responded_at": DAY, "nps": [0.0, 10.0, 11.0, -1.0]})
    assert found(frame, TABLES["responses"]) == [[k, "nps", "not between 0 and 10"] for k in (2, 3)]


def test_range_of_a_scale_column():
    frame = pd.DataFrame({"response_id": ["a", "b"], "responded_at": [DAY, DAY], "p01": [8.0, float("nan")]})
    assert found(frame, TABLES["responses"], ranges={"p01": (1, 7)}) == [[0, "p01", "not between 1 and 7"]]
    assert found(frame, TABLES["responses"], ranges={"p01": (0, float("inf"))}) == []


def test_unreadable_value_is_not_missing_too():
    frame = pd.DataFrame({"response_id": ["a"], "responded_at": pd.Series([pd.NaT], dtype="datetime64[us]")})
    frame["mark"] = True
    found_ = found(frame, TABLES["responses"], unreadable={"mark": ("responded_at", "time")})
    assert found_ == [[0, "responded_at", "not readable as time"]]


def test_order_of_dates():
    frame = pd.DataFrame(
        {
            "complaint_id": list("abcd"),
            "channel": "phone",
            "category": "bill",
            "opened_at": pd.to_datetime(["2026-10-03 14:00"] * 4),
            "resolved_at": pd.to_datetime(["2026-10-03 13:59", "2026-10-03", "2026-10-02", None], format="mixed"),
        }
    )
    # b: a date without time of day is compared by day
    assert found(frame, TABLES["complaints"]) == [
        [0, "resolved_at", "before opened_at"],
        [2, "resolved_at", "before opened_at"],
    ]


def test_first_complete_row_of_a_key_is_kept():
    frame = pd.DataFrame({"customer_id": ["C1", "C1", "C1"], "joined_on": [pd.NaT, DAY, DAY]})
    assert found(frame, TABLES["customers"]) == [[0, "joined_on", "missing"], [2, "customer_id", "duplicate"]]


def test_key_of_several_columns_with_a_missing_part():
    frame = pd.DataFrame(
        {
            "metric": ["nps"] * 3,
            "group": pd.Series([None, None, "North"], dtype="str"),
            "period": ["2026"] * 3,
            "target": [1.0, 2.0, 3.0],
            "source": ["board"] * 3,
        }
    )
    assert found(frame, TABLES["targets"]) == [[1, "metric, group, period, source", "duplicate with other values"]]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ({"value": [1.0, None]}, [1]),
        ({"numerator": [1.0, 1.0], "denominator": [None, 2.0]}, [0]),
        ({"value": [None, None], "numerator": [1.0, 1.0], "denominator": [None, 2.0]}, [0]),
    ],
)
def test_value_or_ratio(columns, rows):
    frame = pd.DataFrame({"unit": ["a", "b"], "period": "2026-10", "metric": "m"} | columns)
    frame = frame.astype(dict.fromkeys(columns, "float64"))
    rule = "without value or numerator and denominator"
    assert found(frame, TABLES["operations"]) == [[row, "value", rule] for row in rows]


def test_every_problem_has_a_remedy():
    frame = pd.DataFrame({"customer_id": ["C1", "C1"], "joined_on": [DAY, DAY], "left_on": [DAY, pd.Timestamp(0)]})
    result = check(frame, TABLES["customers"])
    assert result["remedy"].tolist() == ["correct one of the two dates"]
    assert schema.remedy("not readable as number").startswith("write digits")
    assert schema.remedy("duplicate").startswith("the first complete row is kept")


def test_did_you_mean_ignores_case():
    assert schema.did_you_mean("Responded_At", ["responded_at", "nps"]) == " (did you mean 'responded_at'?)"
    assert schema.did_you_mean("NPS", ["nps"]) == " (did you mean 'nps'?)"
    assert schema.did_you_mean("zzz", ["responded_at"]) == ""
