import pytest
from company_folder import write_company

from csatlib.tables import workspace

LINES = "customer,day,pieces,price\nC1,2026-10-01,2,1.25\nC2,2026-10-02,-3,2\nC1,2026-10-03,x,2\n"
COLUMNS = 'columns = { customer_id = "customer", occurred_at = "day" }\n'


def opened(tmp_path, keys, lines=LINES):
    settings = f"[tables.transactions]\n{COLUMNS}{keys}\n"
    return workspace.open(write_company(tmp_path, settings=settings, scale="", transactions=lines))


def test_product_is_missing_where_a_factor_is_no_number(tmp_path):
    ws = opened(tmp_path, 'product = { amount = ["pieces", "price"] }')
    assert ws.transactions["amount"].tolist() == [2.5, -6.0]
    assert ws.problems[["column", "rule", "rows"]].values.tolist() == [["amount", "missing", "3"]]


def test_constant_and_number_of_the_row(tmp_path):
    ws = opened(tmp_path, 'constant = { amount = "7", shop = "Mitte" }\nnumbered = "line_id"')
    lines = ws.transactions.sort_values("line_id")
    assert lines["line_id"].tolist() == ["1", "2", "3"]
    assert lines["amount"].tolist() == [7.0] * 3
    assert set(lines["shop"]) == {"Mitte"}
    assert lines["customer_id"].tolist() == ["C1", "C2", "C1"]


def test_every_mistake_at_once(tmp_path):
    keys = 'constant = { pieces = "1", amount = "2" }\nproduct = { amount = ["piece", "price"] }'
    with pytest.raises(ValueError, match="transactions") as error:
        opened(tmp_path, keys)
    for part in (
        "column 'pieces', which csat.toml makes, is there already",
        "column 'amount' is made in two ways",
        "column 'piece', a factor of amount, is not there (did you mean 'pieces'?)",
    ):
        assert part in str(error.value)


def test_a_product_has_two_factors(tmp_path):
    with pytest.raises(ValueError, match=r"tables\.transactions\.product\.amount"):
        opened(tmp_path, 'product = { amount = ["pieces"] }')
