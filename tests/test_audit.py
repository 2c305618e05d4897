import pandas as pd
import pytest
from company_folder import CUSTOMERS, RESPONSES, write_company

from csatlib.tables import audit, workspace

HEAD = "response_id,customer_id,responded_at,wave,nps,e07,p07,points_speed\n"


@pytest.fixture
def found(tmp_path):
    """Audit a company written from literals."""
    return lambda **files: audit.audit(workspace.open(write_company(tmp_path, **files)))


def rules(table):
    return {(row.severity, row.table, row.column, row.rule): row for row in table.itertuples()}


def test_a_clean_company_has_no_warning(found):
    table = found(customers=CUSTOMERS, responses=RESPONSES.replace("7,,60", "7,4,60"))
    assert list(table.columns) == list(audit.COLUMNS)
    assert set(table["severity"]) <= {"note"}


def test_orphans_are_counted_with_their_first_ids(found):
    answers = HEAD + "".join(f"R{k},X{k % 7},2026-10-01,,5,6,5,100\n" for k in range(14))
    row = rules(found(customers=CUSTOMERS, responses=answers))[
        "warning", "responses", "customer_id", "not in customers"
    ]
    assert (row.count, row.share) == (14, 1.0)
    assert row.examples == "X0, X1, X2, X3, X4, …"


@pytest.mark.parametrize("written", ["c1", "C 1", "C1 "])
def test_orphans_that_only_differ_in_spelling_are_told(found, written):
    table = found(customers=CUSTOMERS, responses=HEAD + f"R1,{written},2026-10-01,,5,6,5,100\n")
    row = rules(table).get(("warning", "responses", "customer_id", "not in customers"))
    if written.strip() == "C1":
        assert row is None
    else:
        assert "1 of them would match" in row.remedy


def test_leading_zeros_lost_in_a_spreadsheet_are_told(found):
    customers = "customer_id,joined_on\n0012,2025-01-01\n"
    table = found(customers=customers, responses=HEAD + "R1,12,2026-10-01,,5,6,5,100\n")
    assert "leading zeros" in rules(table)["warning", "responses", "customer_id", "not in customers"].remedy


def test_orphans_of_rejected_parents_point_at_the_parent(found):
    customers = CUSTOMERS.replace("2025-03-01", "soon")
    table = found(customers=customers, responses=HEAD + "R1,C3,2026-10-01,,5,6,5,100\n")
    listed = rules(table)
    assert listed["error", "customers", "joined_on", "not readable as date"].count == 1
    assert (
        "1 rows of customers were rejected"
        in listed["warning", "responses", "customer_id", "not in customers"].remedy
    )
    assert table["severity"].iloc[0] == "error"


def test_ids_alike_but_for_spelling(found):
    customers = "customer_id,joined_on\nC1,2025-01-01\nc1,2025-01-01\nC2,2025-01-01\n"
    (row,) = found(customers=customers).itertuples()
    assert (row.count, row.examples) == (2, "C1, c1")


def test_dates_out_of_the_customers_time(found):
    customers = "customer_id,joined_on,left_on\nC1,2026-02-01,2026-03-31\n"
    days = ["2026-01-31", "2026-02-01", "2026-03-31 23:59:00", "2026-04-01", "2026-05-01"]
    contacts = "contact_id,customer_id,touchpoint,occurred_at\n" + "".join(
        f"K{k},C1,Shop,{day}\n" for k, day in enumerate(days)
    )
    listed = rules(found(customers=customers, contacts=contacts))
    assert listed["warning", "contacts", "occurred_at", "occurred_at before the customer joined"].count == 1
    assert listed["warning", "contacts", "occurred_at", "occurred_at after the customer left"].count == 2


def test_answer_before_its_invitation(found):
    invitations = "invitation_id,sent_at,channel\nI1,2026-10-02 09:00:00,email\nI2,2026-10-02 09:00:00,email\n"
    answers = "response_id,invitation_id,responded_at,e07,p07,points_speed\nR1,I1,2026-10-01,5,5,100\n"
    answers += "R2,I2,2026-10-02,5,5,100\n"
    listed = rules(found(invitations=invitations, responses=answers))
    row = listed["warning", "responses", "responded_at", "before its invitation was sent"]
    assert (row.count, row.examples) == (1, "I1")


def test_attributes_told_differently(found):
    contacts = "contact_id,customer_id,touchpoint,occurred_at,region\nK1,C1,Shop,2026-01-01,South\n"
    contacts += "K2,C3,Shop,2026-01-01,North\n"
    row = rules(found(customers=CUSTOMERS, contacts=contacts))["note", "contacts", "region", "not as in customers"]
    assert (row.count, row.examples) == (1, "C1")


def test_a_customer_twice_with_other_attributes_is_an_error_of_its_own(found):
    customers = CUSTOMERS + "C1,2025-01-01,,South\nC2,2025-02-01,,South\n"
    listed = rules(found(customers=customers))
    assert listed["error", "customers", "customer_id", "duplicate"].count == 1
    assert listed["error", "customers", "customer_id", "duplicate with other values"].count == 1


def test_columns_that_say_nothing(found):
    contacts = "contact_id,touchpoint,occurred_at,wait_seconds,rating\n" + "".join(
        f"K{k},Shop,2026-01-01,{7 if k == 1 else ''},4\n" for k in range(40)
    )
    listed = rules(found(contacts=contacts))
    assert listed["warning", "contacts", "wait_seconds", "nearly always empty"].count == 39
    assert listed["note", "contacts", "rating", "always the same"].examples == "4"


def test_identical_rows_where_no_key_tells_them_apart(found):
    lines = ["C1,2026-01-01,5", "C1,2026-01-01,5", "C1,2026-01-01,5", "C1,2026-01-01,6", "C2,2026-01-01,5"]
    bought = "customer_id,occurred_at,amount\n" + "\n".join(lines) + "\n"
    row = rules(found(transactions=bought))["warning", "transactions", "row", "wholly identical rows"]
    assert (row.count, row.share, row.examples) == (2, 0.4, "C1")
    shops = zip(lines, ["", "x", "", "", ""], strict=True)
    more = "customer_id,occurred_at,amount,shop\n" + "".join(f"{line},{shop}\n" for line, shop in shops)
    again = rules(found(transactions=more))
    assert again["warning", "transactions", "row", "wholly identical rows"].count == 1


def answers(*waves, empty=()):
    rows = [
        f"R{wave}{k},,2026-10-01,{wave},{'' if wave in empty and k < 2 else 5},6,5,100\n"
        for wave in waves
        for k in range(4)
    ]
    return HEAD + "".join(rows)


def test_waves_and_wordings(tmp_path):
    wording = '[items.q07.wording]\n"W1" = "a"\n"W2" = "b"\n"W9" = "c"\n'
    config = write_company(tmp_path, settings=wording, responses=answers("W1", "W2"))
    listed = rules(audit.audit(workspace.open(config)))
    assert listed["note", "responses", "wave", "waves found"].examples == "W1 (4), W2 (4)"
    row = listed["warning", "responses", "wave", "wording of q07 from a wave never seen"]
    assert row.examples == "W9"
    assert "items.q07.wording" in row.remedy
    assert ("note", "responses", "q07", "reworded") in listed


def test_wordings_without_waves(tmp_path):
    config = write_company(tmp_path, settings='[items.q07.wording]\n"W1" = "a"\n', responses=RESPONSES)
    listed = rules(audit.audit(workspace.open(config)))
    assert ("warning", "responses", "wave", "missing, yet wordings are declared by wave") in listed


def test_often_skipped_is_one_problem_for_all_waves(found):
    table = found(responses=answers("W1", "W2", "", empty=("W1",)))
    listed = rules(table)
    row = listed["warning", "responses", "nps", "often skipped"]
    assert (row.count, row.share, row.examples) == (2, 0.5, "W1 50 %")
    assert listed["warning", "responses", "wave", "without a wave"].count == 4


def test_missing_answers_by_wave(tmp_path):
    text = answers("W1", "W2", empty=("W1",)).replace("RW20,,2026-10-01,W2,5,6,5", "RW20,,2026-10-01,W2,5,6,9")
    config = write_company(tmp_path, settings="[tables.responses]\nnot_applicable = [9]\n", responses=text)
    table = audit.missing_answers(workspace.open(config)).set_index(["column", "wave"])
    assert table.loc[("nps", "W1"), ["n", "skipped", "not_applicable"]].tolist() == [4, 2, 0]
    assert table.loc[("p07", "W2"), ["n", "skipped", "not_applicable"]].tolist() == [4, 0, 1]
    assert table.loc[("e07", "W2"), "skipped"] == 0


def test_no_responses_no_items(tmp_path):
    config = write_company(tmp_path, scale="", customers=CUSTOMERS)
    assert audit.missing_answers(workspace.open(config)).empty
    assert isinstance(audit.audit(workspace.open(config)), pd.DataFrame)


def test_questions_carry_what_readers_call_them(found):
    wording = '[items.q07.wording]\n"W1" = "a"\n"W2" = "b"\n'
    table = found(responses=answers("W1", "W2"), settings=wording)
    listed = {row.column: (row.label, row.role) for row in table.itertuples()}
    assert listed["e07"] == ("q07", "expectation")
    assert listed["q07"] == ("q07", "")
    assert listed["wave"] == ("", "")


def test_an_item_that_never_varies(found):
    listed = rules(found(responses=answers("W1")))
    assert listed["note", "responses", "e07", "always the same"].examples == "6"


def test_period_and_selection_do_not_matter(tmp_path):
    config = write_company(tmp_path, customers=CUSTOMERS, responses=RESPONSES)
    part = workspace.open(config, period="2026-10", where={"region": "North"})
    pd.testing.assert_frame_equal(audit.audit(part), audit.audit(workspace.open(config)))
