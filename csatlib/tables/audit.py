"""What can be wrong between tables and across rows: every problem of the whole source in one list."""

from collections.abc import Iterator, Sequence

import ibis
import pandas as pd
from ibis.expr import types as ir

from csatlib.tables.schema import TABLES, did_you_mean
from csatlib.tables.snapshot import to_pandas
from csatlib.tables.workspace import Workspace

COLUMNS = ("severity", "table", "column", "rule", "count", "share", "examples", "remedy", "label", "role")
PARENTS = {"customer_id": "customers", "invitation_id": "invitations", "promise_id": "promises"}
OUTCOMES = ("overall", "nps", "ces")
ROLES = ("expectation", "perception", "importance", "desired", "adequate")
SEVERITIES = ("error", "warning", "note")
NEARLY_ALL, MUCH, SHOWN = 0.95, 0.3, 5


def audit(ws: Workspace) -> pd.DataFrame:
    """List every problem of a company's tables, in one row as well as between rows and tables.

    Parameters
    ----------
    ws : Workspace
        Its period and selection do not matter: the whole source is looked at.

    Returns
    -------
    DataFrame
        One row per problem, the worst first: severity (``error``: the rows were rejected; ``warning``: they are
        kept, look at them; ``note``: good to know), table, column, rule, count (rows, or answers of an item),
        share (of the table's rows, or of those who were asked; NaN where there is none), examples (first values or
        source rows), remedy, label and role (of ratings: the question as a reader knows it and what was
        asked about it, else "").

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> audit(workspace.open("csat.toml")).query("severity == 'error'")  # doctest: +SKIP
    """
    whole = ws.whole()
    sizes = whole.counts.set_index("table")
    checks = (_rejected, _orphans, _spellings, _contradictions, _dates, _copies, _columns, _items, _waves)
    found = pd.DataFrame(
        [row for check in checks for row in check(whole, sizes["used"])],
        columns=["severity", "table", "column", "rule", "count", "examples", "remedy", "of"],
    )
    of = found["of"].where(found["of"].notna(), found["table"].map(sizes["read"]))
    found["share"] = found["count"] / of.astype(float).where(of > 0)
    found = found.assign(**_named(whole, found))
    rank = found["severity"].map({name: place for place, name in enumerate(SEVERITIES)})
    table = found["table"].map({name: place for place, name in enumerate(TABLES)})
    order = found.assign(rank=rank, place=table).sort_values(["rank", "place"], kind="stable").index
    return found.loc[order, list(COLUMNS)].reset_index(drop=True)


def _named(ws: Workspace, found: pd.DataFrame) -> dict[str, list[str]]:
    """Return what a reader calls the question of each problem, and the role it has there."""
    known = {"label": {}, "role": {}}
    if ws.has("responses"):
        for row in rated_columns(ws)[::-1].itertuples():
            for name in (row.item, row.column):
                known["label"][name], known["role"][name] = row.label, row.role
        # what is said of an item holds for all its roles
        known["role"] |= {row.item: "" for row in rated_columns(ws).itertuples() if row.item != row.column}
    answers = found["table"] == "responses"
    parts = [column.split(", ") if own else [] for column, own in zip(found["column"], answers, strict=True)]
    labels = [
        ", ".join(known["label"].get(n, n) for n in p) if known["label"].keys() & {*p} else "" for p in parts
    ]
    roles = [known["role"].get(p[0], "") if len(p) == 1 else "" for p in parts]
    return {"label": labels, "role": roles}


def missing_answers(ws: Workspace, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Count answers that are missing, by item and wave of the workspace's rows.

    Parameters
    ----------
    ws : Workspace
        Limited to a period and selection or not; without responses or scales the result is empty.
    by : sequence of str
        Further columns of the responses to count by.

    Returns
    -------
    DataFrame
        One row per scale, item, role (expectation, perception, ...), survey and wave in which anybody answered
        the item: scale ("" for overall, nps and ces where no scale names them), item, role, column, label,
        dimension, survey, wave, the columns of `by`, n (responses of that survey and wave, those asked), skipped,
        not_applicable, both counts.

    Raises
    ------
    KeyError
        The responses have no column of `by`.

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> missing_answers(workspace.open("csat.toml", period="2026-10"))["skipped"].sum()  # doctest: +SKIP
    """
    items = rated_columns(ws)
    names = list(dict.fromkeys(["survey", "wave", *by]))
    if items.empty:
        return items.assign(**dict.fromkeys([*names, "n", "skipped", "not_applicable"], pd.Series(dtype=float)))
    data = ws.table("responses")
    absent = [n for n in names[2:] if n not in data.columns]
    if absent:
        near = did_you_mean(absent[0], data.columns)
        raise KeyError(f"by: the responses have no column {', '.join(map(repr, absent))}{near}")
    keys = {n: data[n].cast("string").fill_null("") if n in data.columns else ibis.literal("") for n in names}
    columns = items["column"].unique()
    numbers = {"n": ibis._.count()} | {f"{c}: n": data[c].count() for c in columns}
    # an answer that does not apply is no number, so the two states never overlap
    numbers |= {f"{c}: na": data[f"{c}_na"].sum() for c in columns if f"{c}_na" in data.columns}
    wide = to_pandas(data.group_by(**keys).agg(**numbers).order_by(names).to_pyarrow())
    parts = [
        wide[[*names, "n"]].assign(
            column=c, answered=wide[f"{c}: n"], not_applicable=wide.get(f"{c}: na", pd.Series(0, wide.index))
        )
        for c in columns
    ]
    long = items.merge(pd.concat(parts), on="column")
    long = long[(long["answered"] + long["not_applicable"]) > 0].astype({"not_applicable": "int64"})
    skipped = long["n"] - long["answered"] - long["not_applicable"]
    return long.assign(skipped=skipped).drop(columns="answered").reset_index(drop=True)


def rated_columns(ws: Workspace) -> pd.DataFrame:
    """List the columns of the responses that hold ratings.

    Parameters
    ----------
    ws : Workspace
        Its scales say which; overall, nps and ces always count.

    Returns
    -------
    DataFrame
        One row per scale, item and role that the responses have: scale ("" for overall, nps and ces where no
        scale names them), item, role, column, label (reader's name), dimension.

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> rated_columns(workspace.open("csat.toml"))["column"].is_unique  # doctest: +SKIP
    True
    """
    rows = [
        (scale.name, item.item, role, getattr(item, role), item.label or item.item, item.dimension)
        for scale in ws.scales.values()
        for item in scale.items
        for role in ROLES
        if getattr(item, role) is not None and ws.has("responses", getattr(item, role))
    ]
    taken = {row[3] for row in rows}
    rows += [
        ("", name, "perception", name, name.upper() if len(name) == 3 else name.capitalize(), None)
        for name in OUTCOMES
        if name not in taken and ws.has("responses", name)
    ]
    return pd.DataFrame(rows, columns=["scale", "item", "role", "column", "label", "dimension"])


def _row(severity, table, column, rule, count, examples, remedy, of=None) -> dict:
    return {
        "severity": severity,
        "table": table,
        "column": column,
        "rule": rule,
        "count": int(count),
        "examples": examples,
        "remedy": remedy,
        "of": of,
    }


def _first(values: ir.Column) -> str:
    """Return the first few distinct values as text."""
    name = values.get_name()
    first = values.as_table().distinct().order_by(name).limit(SHOWN + 1).to_pyarrow().to_pydict()[name]
    return ", ".join(map(str, first[:SHOWN])) + (", …" if len(first) > SHOWN else "")


def _count(table: ir.Table) -> int:
    return table.count().to_pyarrow().as_py()


def _rejected(ws: Workspace, sizes) -> Iterator[dict]:
    for p in ws.problems.itertuples():
        examples = f"row {p.rows}" + (f": {p.found}" if p.found else "")
        yield _row("error", p.table, p.column, p.rule, p.count, examples, p.remedy)


def _folded(key: ir.StringValue) -> ir.StringValue:
    """Return an id without what spreadsheets and typing change: capitals, spaces, leading zeros."""
    return key.lower().re_replace(r"\s+", "").re_replace(r"^0+([0-9])", r"\1")


def _links(ws: Workspace) -> Iterator[tuple[str, str, str]]:
    """Yield table, key column and parent table of every link both of whose ends are there."""
    for name in TABLES:
        for key, parent in PARENTS.items():
            if name != parent and ws.has(name, key) and ws.has(parent, key):
                yield name, key, parent


def _orphans(ws: Workspace, sizes) -> Iterator[dict]:
    for name, key, parent in _links(ws):
        child, known = ws.table(name).select(key), ws.table(parent).select(key)
        lost = child.drop_null(key).anti_join(known, key)
        count = _count(lost)
        if not count:
            continue
        folded = known.select(folded=_folded(known[key]))
        near = _count(lost.mutate(folded=_folded(lost[key])).semi_join(folded, "folded"))
        rejected = ws.counts.set_index("table").loc[parent, "rejected"]
        remedy = f"add the missing rows to {parent}, or correct the ids; figures that need {parent} leave them out"
        if near:
            remedy = f"{near} of them would match without capitals, spaces and leading zeros: write ids one way"
        elif rejected:
            remedy = f"{rejected} rows of {parent} were rejected: mend those first; then {remedy}"
        yield _row("warning", name, key, f"not in {parent}", count, _first(lost[key]), remedy)


def _spellings(ws: Workspace, sizes) -> Iterator[dict]:
    for key, parent in PARENTS.items():
        if not ws.has(parent, key):
            continue
        ids = ws.table(parent).select(key).mutate(folded=ibis._[key])
        ids = ids.mutate(folded=_folded(ids[key]))
        twice = ids.group_by("folded").agg(n=ids.count()).filter(ibis._.n > 1)
        same = ids.semi_join(twice, "folded")
        rule = "ids that differ only by capitals, spaces or leading zeros"
        remedy = "if they are one and the same, write the id one way in every table"
        if count := _count(same):
            yield _row("warning", parent, key, rule, count, _first(same[key]), remedy)


def _contradictions(ws: Workspace, sizes) -> Iterator[dict]:
    """Attributes of a customer that another table tells differently."""
    if not ws.has("customers", "customer_id"):
        return
    customers = ws.table("customers")
    own = [c for c, kind in customers.schema().items() if kind.is_string() and c not in PARENTS]
    for name, key, parent in _links(ws):
        data = ws.table(name)
        shared = [c for c in own if c in data.columns and data[c].type().is_string() and c not in PARENTS]
        if parent != "customers" or not shared:
            continue
        both = data.select(key, *shared).inner_join(customers.select(key, *shared), key, rname="{name}_there")
        remedy = "right where customers changed since; the value on the row is used, that of its own time"
        for column in shared:
            other = both.filter(both[column] != both[f"{column}_there"])
            if count := _count(other):
                yield _row("note", name, column, "not as in customers", count, _first(other[key]), remedy)


def _dates(ws: Workspace, sizes) -> Iterator[dict]:
    customers = ws.table("customers") if ws.has("customers", "customer_id") else None
    for name, key, parent in _links(ws):
        time = TABLES[name].time
        data = ws.table(name)
        if parent == "customers" and time in data.columns:
            ends = [c for c in ("joined_on", "left_on") if c in customers.columns]
            both = data.select(key, day=data[time].truncate("D")).inner_join(customers.select(key, *ends), key)
            early = both.filter(both.day < both.joined_on)
            rule, remedy = f"{time} before the customer joined", "correct joined_on, or the id on the row"
            if count := _count(early):
                yield _row("warning", name, time, rule, count, _first(early[key]), remedy)
            late = both.filter(both.day > both.left_on) if "left_on" in ends else None
            rule, remedy = (
                f"{time} after the customer left",
                "right for final bills, else correct",
            )
            if late is not None and (count := _count(late)):
                yield _row("warning", name, time, rule, count, _first(late[key]), f"{remedy} left_on or the id")
        if name == "responses" and parent == "invitations":
            sent = ws.table(parent)
            both = data.select(key, time).inner_join(sent.select(key, sent="sent_at"), key)
            early = both.filter(both[time].truncate("D") < both.sent.truncate("D"))
            rule, remedy = "before its invitation was sent", "correct one of the two dates, or the invitation_id"
            if count := _count(early):
                yield _row("warning", name, time, rule, count, _first(early[key]), remedy)


def _copies(ws: Workspace, sizes) -> Iterator[dict]:
    """Rows that equal another in every column, where no key tells them apart."""
    for name in ws.counts["table"]:
        if TABLES[name].key or not sizes[name]:
            continue
        data = ws.table(name)
        alike = data.group_by(data.columns).agg(rows=data.count()).filter(ibis._.rows > 1)
        extra = alike.aggregate(n=(alike.rows - 1).sum()).to_pyarrow().to_pylist()[0]["n"]
        remedy = "right where the same happened twice at one moment; else remove the copies: each counts"
        if extra:
            first = _first(alike["customer_id"]) if "customer_id" in data.columns else ""
            yield _row("warning", name, "row", "wholly identical rows", extra, first, remedy)


def _columns(ws: Workspace, sizes) -> Iterator[dict]:
    """Numbers and ratings that are empty in nearly every row, or always the same."""
    scaled = set(rated_columns(ws)["column"]) if ws.has("responses") else set()
    for name in ws.counts["table"]:
        data = ws.table(name)
        plain = [c.name for c in TABLES[name].columns if c.kind == "number" and c.name in data.columns]
        columns = list(dict.fromkeys([*plain, *(sorted(scaled) if name == "responses" else [])]))
        if not columns or not sizes[name]:
            continue
        asked = {f"{c}: {how}": getattr(data[c], how)() for c in columns for how in ("count", "nunique", "min")}
        row = data.aggregate(**asked).to_pyarrow().to_pylist()[0]
        for column in columns:
            filled, empty = row[f"{column}: count"], sizes[name] - row[f"{column}: count"]
            if empty >= NEARLY_ALL * sizes[name] and not (name == "responses" and column in scaled):
                remedy = "see whether the right column is mapped: columns and missing in csat.toml"
                yield _row("warning", name, column, "nearly always empty", empty, "", remedy)
            elif filled > 1 and row[f"{column}: nunique"] == 1:
                remedy = "a column that never varies says nothing: see whether the right one is mapped"
                yield _row("note", name, column, "always the same", filled, f"{row[f'{column}: min']:g}", remedy)


def _items(ws: Workspace, sizes) -> Iterator[dict]:
    table = missing_answers(ws).drop_duplicates(["column", "survey", "wave"])
    often = table[(table["skipped"] >= MUCH * table["n"]) & (table["n"] > 1)]
    for column, rows in often.groupby("column", sort=False):
        share = (100 * rows["skipped"] / rows["n"]).map("{:.0f} %".format)
        place = (rows["survey"] + " " + rows["wave"]).str.strip().replace("", "all") + " " + share
        remedy = "see whether it was asked of everybody; codes of 'does not apply' belong into not_applicable"
        examples = ", ".join(place.head(SHOWN)) + (", …" if len(place) > SHOWN else "")
        count, asked = rows["skipped"].sum(), rows["n"].sum()
        yield _row("warning", "responses", column, "often skipped", count, examples, remedy, asked)
    outcomes = table[table["column"].isin(OUTCOMES) & ~table["column"].isin(often["column"])]
    for column, rows in outcomes.groupby("column", sort=False):
        remedy = "kept, as missing: figures rest on those who answered"
        if rows["skipped"].sum():
            yield _row(
                "note", "responses", column, "no answer", rows["skipped"].sum(), "", remedy, rows["n"].sum()
            )
    known = set(rated_columns(ws)["column"])
    silent = sorted(known - set(table["column"])) if sizes.get("responses", 0) else []
    if silent:
        names, remedy = ", ".join(silent[:SHOWN]), "see whether the right columns are mapped"
        yield _row("warning", "responses", names, "never answered", len(silent), names, remedy, len(known))


def _waves(ws: Workspace, sizes) -> Iterator[dict]:
    at = "responses", "wave"
    if not ws.has(*at):
        declared = list(ws.settings.wording) if ws.has("responses") else []
        if declared:
            rule, remedy = "missing, yet wordings are declared by wave", "map a column to wave"
            yield _row("warning", *at, rule, len(declared), ", ".join(declared), remedy, 0)
        return
    data = ws.table("responses")
    data = data.mutate(wave=data["wave"].fill_null(""))
    found = to_pandas(data.group_by("wave").agg(n=data.count()).order_by("wave").to_pyarrow())
    named = found[found["wave"] != ""]
    listed = ", ".join(f"{wave} ({n:,})" for wave, n in named.itertuples(index=False))
    yield _row("note", *at, "waves found", len(named), listed, "see whether a wave is missing", 0)
    if len(found) > len(named):
        remedy = "fill it in: comparisons of waves leave these rows out"
        yield _row("warning", *at, "without a wave", found["n"].sum() - named["n"].sum(), "", remedy)
    yield from _wordings(ws, list(named["wave"]))


def _wordings(ws: Workspace, waves: list[str]) -> Iterator[dict]:
    wording = ws.settings.wording
    for item, texts in wording.items():
        unseen = sorted(set(texts) - set(waves))
        if unseen:
            rule = f"wording of {item} from a wave never seen"
            remedy = f"correct the wave{did_you_mean(unseen[0], waves)} under [items.{item}.wording]"
            yield _row("warning", "responses", "wave", rule, len(unseen), ", ".join(unseen), remedy, 0)
    remedy = "a new series starts there; comparisons across it leave the item out"
    for item in ws.reworded():
        later = sorted(wording[item])[1:]
        yield _row("note", "responses", item, "reworded", len(later), f"from {', '.join(later)}", remedy, 0)
