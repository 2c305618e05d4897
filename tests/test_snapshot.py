import csv
import hashlib
import json
import os
import shutil
import stat
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from company_folder import CUSTOMERS, RESPONSES, write_company

from csatlib.tables import config, snapshot, split, workspace

ROOT = Path(__file__).parent.parent


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CSAT_CACHE", str(folder))
    return folder


def rejected(folder, table):
    with (folder / "rejected" / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_same_content_same_folder_same_bytes(tmp_path, monkeypatch):
    made = []
    for name in ("a", "b"):
        monkeypatch.setenv("CSAT_CACHE", str(tmp_path / f"cache_{name}"))
        file = write_company(tmp_path / name, customers=CUSTOMERS + "C4,x,,\n", responses=RESPONSES)
        made.append(snapshot.snapshot(file))
    assert made[0].name == made[1].name
    first, second = ({p.relative_to(m): p.read_bytes() for p in m.rglob("*") if p.is_file()} for m in made)
    assert first == second
    assert sorted(map(str, first)) == [
        "customers.parquet",
        "rejected/customers.csv",
        "responses.parquet",
        "snapshot.json",
    ]


def test_other_content_other_folder(tmp_path, cache):
    file = write_company(tmp_path, customers=CUSTOMERS, responses=RESPONSES)
    names = {snapshot.snapshot(file).name}
    write_company(tmp_path, customers=CUSTOMERS, responses=RESPONSES, settings="[report]\nmin_base = 11")
    names.add(snapshot.snapshot(file).name)
    write_company(tmp_path, customers=CUSTOMERS, responses=RESPONSES.replace("very", "much"))
    names.add(snapshot.snapshot(file).name)
    assert len(names) == 3


def test_private_and_without_leftovers(tmp_path, cache):
    made = snapshot.snapshot(write_company(tmp_path, responses=RESPONSES + "R9,,x,,,,,,\n"))
    for folder in (made.parent, made, made / "rejected"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [p.name for p in cache.iterdir()] == [made.name]


def test_reused_when_nothing_changed(tmp_path, cache, monkeypatch):
    file = write_company(tmp_path, responses=RESPONSES)
    made = snapshot.snapshot(file)
    monkeypatch.setattr(snapshot, "_build", None)
    assert snapshot.snapshot(file) == made


@pytest.mark.parametrize("damage", ["cut", "gone", "no manifest", "broken manifest"])
def test_damaged_entry_is_made_again(tmp_path, cache, damage):
    file = write_company(tmp_path, responses=RESPONSES)
    made = snapshot.snapshot(file)
    data, manifest = made / "responses.parquet", made / "snapshot.json"
    before = data.read_bytes()
    if damage == "cut":
        data.write_bytes(before[:-1])
    elif damage == "gone":
        data.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text("[]")
    assert snapshot.snapshot(file) == made
    assert data.read_bytes() == before
    assert [p.name for p in cache.iterdir()] == [made.name]


def test_failure_leaves_nothing_behind(tmp_path, cache):
    with pytest.raises(ValueError, match="required column 'responded_at'"):
        snapshot.snapshot(write_company(tmp_path, responses="response_id\na\n"))
    assert list(cache.iterdir()) == []


def test_leftovers_of_a_killed_process_go_after_a_day(tmp_path, cache):
    for name, age in ((".rows-old", 90_000), (".0123-old", 90_000), (".rows-now", 60)):
        (cache / name).mkdir(parents=True)
        (cache / name / "responses.part").write_text("private")
        os.utime(cache / name, (time.time() - age,) * 2)
    made = snapshot.snapshot(write_company(tmp_path, responses=RESPONSES))
    os.utime(made, (0, 0))
    assert snapshot.snapshot(tmp_path / "csat.toml") == made
    assert {p.name for p in cache.iterdir()} == {".rows-now", made.name}


def test_rows_are_ordered_by_key_and_carry_replicate(tmp_path):
    ws = workspace.open(write_company(tmp_path, customers=CUSTOMERS, responses=RESPONSES))
    assert ws.responses["response_id"].tolist() == ["R1", "R2", "R3"]
    expected = [int(hashlib.md5(k.encode()).hexdigest()[:2], 16) for k in ("C1", "responses\x1fR2", "C2")]
    assert ws.responses["replicate"].tolist() == expected
    customers = ws.customers.set_index("customer_id")["replicate"]
    assert customers["C1"] == expected[0]


def test_nothing_is_lost(tmp_path):
    text = RESPONSES + 'R1,C9,2026-10-01,5,1,"=cmd(""x"")",1,1,0\nR8,C9,2026-10-01,11,1,-3,8,1,0\n'
    file = write_company(tmp_path, responses=text)
    made = snapshot.snapshot(file)
    manifest = snapshot.read_manifest(made)
    assert manifest["tables"] == {"responses": {"read": 5, "rejected": 2}}
    rows = rejected(made, "responses")
    assert [(r["row"], r["reason"]) for r in rows] == [
        ("4", "response_id: duplicate with other values"),
        ("5", "e07: not between 1 and 7; nps: not between 0 and 10"),
    ]
    # text that a spreadsheet would run is made inert; numbers stay numbers
    assert [r["comment"] for r in rows] == ['\'=cmd("x")', "-3"]
    assert [r["nps"] for r in rows] == ["5", "11"]
    problems = workspace.open(file).problems
    assert problems[["table", "column", "rule", "count", "rows", "found"]].values.tolist() == [
        ["responses", "e07", "not between 1 and 7", 1, "5", "'8'"],
        ["responses", "nps", "not between 0 and 10", 1, "5", "'11'"],
        ["responses", "response_id", "duplicate with other values", 1, "4", "'R1'"],
    ]


def test_structural_problems_of_all_tables_at_once(tmp_path):
    file = write_company(
        tmp_path,
        settings='[tables.contacts]\nfile = "contact.csv"\n',
        customers="customer_id,joined\nC1,2025-01-01\n",
        responses="response_id,Responded,e07,p7,points_speed\na,2026-10-01,1,1,1\n",
        complaints="complaint_id,channel,category,Opened\n1,a,b,2026-10-01\n",
        operations="unit,period,metric,numerator\na,2026-10,m,1\n",
        targets="metric,Metric,period,target,source\n",
        promises="promise_id,,due_at\n",
        employees="",
        actions="action_id\na,b\n",
    )
    (tmp_path / "source" / "contacts.csv").write_text("contact_id\n")
    with pytest.raises(ValueError, match="problem") as caught:
        snapshot.snapshot(file)
    assert "contacts: file 'contact.csv' is not there (did you mean 'contacts.csv'?)" in str(caught.value)
    write_company(tmp_path, settings='[tables.complaints]\ncolumns = { opened_at = "Openned" }')
    (tmp_path / "source" / "contacts.csv").unlink()
    with pytest.raises(ValueError, match="has 13 problems") as caught:
        snapshot.snapshot(file)
    for expected in [
        "customers (customers.csv): required column 'joined_on' is missing (did you mean 'joined'?)",
        "responses (responses.csv): required column 'responded_at' is missing (did you mean 'Responded'?)",
        "scales.care, item q07: perception column 'p07' is in no table (did you mean 'p7'?)",
        "complaints (complaints.csv): column 'Openned', which csat.toml maps to opened_at, is not there "
        "(did you mean 'Opened'?)",
        "operations (operations.csv): required columns value or numerator and denominator are missing",
        "targets (targets.csv): the first line names columns twice: Metric, metric",
        "promises (promises.csv): the first line has an empty column name",
        "employees (employees.csv): the first line is empty",
        "actions (actions.csv): required column 'finding' is missing",
    ]:
        assert expected in str(caught.value)


def test_rows_with_too_many_fields_and_mixed_encodings_stop_with_the_place(tmp_path):
    file = write_company(tmp_path, responses="response_id,responded_at\na,2026-10-01\nb,2026-10-01,5\n", scale="")
    (tmp_path / "source" / "customers.csv").write_bytes(
        "customer_id,joined_on\nJosé,2026-01-01\n".encode("latin1") + "Zoë,2026-01-01\n".encode()
    )
    with pytest.raises(ValueError, match="has 2 problems") as caught:
        snapshot.snapshot(file)
    expected = "customers (customers.csv): the file mixes encodings: line 3 is UTF-8, line 2 is not"
    assert expected in str(caught.value)
    assert "responses (responses.csv): " in str(caught.value)
    assert "Line: 3" in str(caught.value)


def test_broken_parquet(tmp_path):
    file = write_company(tmp_path, customers=CUSTOMERS, scale="")
    (tmp_path / "source" / "responses.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ValueError, match=r"responses \(responses.parquet\): "):
        snapshot.snapshot(file)


def test_source_that_changes_meanwhile_is_not_kept(tmp_path, cache, monkeypatch):
    file = write_company(tmp_path, responses=RESPONSES)
    build = snapshot._build

    def slow(work, files, settings):
        build(work, files, settings)
        write_company(tmp_path, responses=RESPONSES.replace("very", "much"))

    monkeypatch.setattr(snapshot, "_build", slow)
    with pytest.raises(ValueError, match="changed while it was read"):
        snapshot.snapshot(file)
    assert list(cache.iterdir()) == []


def test_problem_of_a_column_that_is_not_there(tmp_path):
    text = "unit,period,metric,numerator,denominator\na,2026-10,m,1,\na,2026-09,m,1,2\n"
    problems = workspace.open(write_company(tmp_path, operations=text, scale="")).problems
    assert problems[["column", "rule", "found"]].values.tolist() == [
        ["value", "without value or numerator and denominator", "empty"]
    ]


def test_two_files_of_one_table(tmp_path):
    file = write_company(tmp_path, responses=RESPONSES)
    shutil.copy(tmp_path / "source" / "responses.csv", tmp_path / "source" / "responses.parquet")
    with pytest.raises(ValueError, match=r"both responses.csv and responses.parquet are there; name one"):
        snapshot.snapshot(file)


def test_no_source(tmp_path):
    file = write_company(tmp_path)
    with pytest.raises(ValueError, match="no table found; expected files such as responses.csv; found: none"):
        snapshot.snapshot(file)
    (tmp_path / "source").rmdir()
    with pytest.raises(FileNotFoundError, match=r"source.path 'source': there is no folder"):
        snapshot.snapshot(file)


def test_pinned(tmp_path, cache, monkeypatch):
    file = write_company(tmp_path, responses=RESPONSES)
    made = snapshot.snapshot(file)
    monkeypatch.setenv("CSAT_SNAPSHOT", str(made))
    write_company(tmp_path, responses=RESPONSES + "R9,,2026-10-05,1,1,,1,1,1\n")
    assert len(workspace.open(file).responses) == 3
    write_company(tmp_path, responses=RESPONSES, settings="[report]\nmin_base = 11")
    with pytest.raises(ValueError, match="was made with other settings"):
        snapshot.snapshot(file)
    (made / "responses.parquet").unlink()
    with pytest.raises(ValueError, match="not a complete snapshot"):
        snapshot.snapshot(file)


def test_csv_and_parquet_give_the_same_rows(tmp_path):
    workspace_csv = workspace.open(write_company(tmp_path / "csv", responses=RESPONSES))
    frame = workspace_csv.responses.drop(columns=["replicate", "period"])
    file = write_company(tmp_path / "parquet")
    frame.to_parquet(file.parent / "source" / "responses.parquet", index=False)
    other = snapshot.snapshot(file) / "responses.parquet"
    assert other.read_bytes() == (workspace_csv.snapshot / "responses.parquet").read_bytes()


def test_row_numbers_follow_a_large_file(tmp_path):
    lines = [f"R{k:06d},2026-10-01,{11 if k % 50_000 == 7 else 5}" for k in reversed(range(200_000))]
    file = write_company(tmp_path, responses="response_id,responded_at,nps\n" + "\n".join(lines) + "\n", scale="")
    expected = ", ".join(str(k + 1) for k, line in enumerate(lines) if line.endswith("11"))
    assert workspace.open(file).problems["rows"].tolist() == [expected]


def test_sample_company_is_accepted():
    made = snapshot.snapshot(ROOT / "csat.toml")
    manifest = snapshot.read_manifest(made)
    assert sorted(manifest["tables"]) == sorted(config.TABLES)
    assert {name: c["rejected"] for name, c in manifest["tables"].items() if c["rejected"]} == {}
    assert manifest["problems"] == []
    assert manifest["tables"]["responses"]["read"] > 1000
    assert json.dumps(manifest)


def test_parts_are_judged_as_one_table(tmp_path, monkeypatch):
    """Rows of one key that lie in two batches are duplicates all the same, and bytes do not depend on batches."""
    lines = ["customer_id,joined_on,left_on,region"]
    for k in range(9000):
        lines += [f"K{k // 3:05},2025-01-0{k % 3 + 1},{'x' if k % 500 == 0 else ''},North"]
    lines += ["K99999,2025-01-01,,South"] * 5000 + [",2025-01-01,,West"] * 3
    made = []
    for rows in (2048, 4096, split.ROWS):
        monkeypatch.setenv("CSAT_CACHE", str(tmp_path / f"cache_{rows}"))
        monkeypatch.setattr(split, "ROWS", rows)
        folder = snapshot.snapshot(write_company(tmp_path / "a", scale="", customers="\n".join(lines) + "\n"))
        # the groups of rows in the file are as large as a part, so bytes are compared for what does not have any
        made.append(
            (pq.read_table(folder / "customers.parquet"), (folder / "rejected/customers.csv").read_bytes())
        )
        assert snapshot.read_manifest(folder)["tables"]["customers"] == {"read": 14003, "rejected": 14003 - 3001}
    assert made[0] == made[1] == made[2]
    whole = made[0][0].to_pandas()
    assert whole["customer_id"].is_monotonic_increasing
    # the first complete row of each key is the one that stays
    assert (whole["joined_on"].dt.day == 2).sum() == 6


def test_row_groups_do_not_depend_on_how_rows_arrive(tmp_path, monkeypatch):
    monkeypatch.setattr(split, "ROWS", 100)
    table, written = pa.table({"n": range(1234)}), []
    for size in (7, 100, 1234):
        file = tmp_path / f"{size}.parquet"
        with pq.ParquetWriter(file, table.schema) as writer:
            waiting = table.schema.empty_table()
            for start in range(0, 1234, size):
                waiting = split._write_full(writer, pa.concat_tables([waiting, table.slice(start, size)]))
            writer.write_table(waiting)
        written.append(file.read_bytes())
    assert written[0] == written[1] == written[2]
    assert pq.read_metadata(file).num_row_groups == 13


def test_comments_in_rejected_rows_are_masked_and_ids_stay(tmp_path):
    lines = ["a@b.example,soon,call 13812345678 or ann@example.org", "b,2026-10-01,"]
    text = "response_id,responded_at,comment\n" + "\n".join(lines) + "\n"
    folder = snapshot.snapshot(write_company(tmp_path, responses=text, scale=""))
    line = (folder / "rejected" / "responses.csv").read_text(encoding="utf-8").splitlines()[1]
    assert line.endswith("a@b.example,soon,call [phone] or [e-mail]")
