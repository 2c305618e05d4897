"""The sample company: a regional broadband and mobile operator whose truth is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from csatlib.tables.simulate.cases import (
    complaint_rows,
    complaints_table,
    contact_rows,
    contacts_table,
    promises_table,
)
from csatlib.tables.simulate.company import (
    actions_table,
    customers_table,
    employees_table,
    operations_table,
    targets_table,
    touchpoints_table,
    transactions_table,
)
from csatlib.tables.simulate.items import COLUMNS
from csatlib.tables.simulate.people import World, calendar, draw_people, reworded_from, tell
from csatlib.tables.simulate.service import live
from csatlib.tables.simulate.survey import survey_tables
from csatlib.tables.simulate.truth import (
    CHURN,
    COMPLAINT,
    DRIVERS,
    POINTS,
    RESPONSE,
    REWORDING,
    SHOCK,
    SPREAD,
    SURVEY,
    Truth,
    population,
)

__all__ = ["SEED", "Company", "simulate", "write"]

SEED = 20261031
DECIMALS = {"amount": 2, "weight": 3, "satisfaction": 2, "expected": 3, "target": 3}


@dataclass(frozen=True)
class Company:
    """A simulated company.

    Parameters
    ----------
    tables : dict of str to DataFrame
        The twelve canonical tables with the columns of `simulate.items.COLUMNS`. Text is ``str``, times are
        ``datetime64[us]``, numbers float64, `resolved` and `reopened` bool. Items keep their raw codes: 9
        means "does not apply".
    truth : Truth
        What is true.

    Examples
    --------
    >>> [story.start for story in simulate(1, customers=60).truth.stories]
    ['2026-06', '2026-08']
    """

    tables: dict[str, pd.DataFrame]
    truth: Truth


def simulate(
    seed: int = SEED,
    *,
    customers: int = 3000,
    months: int = 18,
    end: str = "2026-10",
    stories: bool = True,
) -> Company:
    """Simulate a company whose truth is known.

    Parameters
    ----------
    seed : int
        Same seed, same company. Each part has its own random numbers, so that a part added later leaves the
        rows of the others as they are.
    customers : int
        Customers over all months, 30 or more; about four in five are there at any time.
    months : int
        Months simulated, 2 or more.
    end : str
        Last month, ``YYYY-MM``.
    stories : bool
        False plants neither the backlog nor the billing redesign: a quiet company. The rewording stays.

    Returns
    -------
    Company
        Tables and truth.

    Raises
    ------
    ValueError
        If an argument is out of range; all of them are named.

    Examples
    --------
    >>> company = simulate(1, customers=60, months=3)
    >>> sorted(company.tables)[:3]
    ['actions', 'complaints', 'contacts']
    """
    _validate(customers, months, end)
    days = calendar(months, end)
    people = draw_people(seed, customers, days)
    world = World(people, days, tell(days, stories), np.zeros((months, customers)))
    events, hazards = live(world, seed)
    contacts = contact_rows(world, events["contacts"])
    complaints = complaint_rows(world, events["complaints"], seed)
    promises, promise_ids = promises_table(world, events["promises"], complaints, seed)
    invitations, responses = survey_tables(world, contacts, seed)
    tables = {
        "customers": customers_table(world),
        "invitations": invitations,
        "responses": responses,
        "transactions": transactions_table(world, seed),
        "contacts": contacts_table(world, contacts, seed),
        "touchpoints": touchpoints_table(seed),
        "complaints": complaints_table(world, complaints, promise_ids, seed),
        "promises": promises,
    }
    tables["operations"] = operations_table(world, tables, seed)
    tables["employees"] = employees_table(world, seed)
    tables["targets"] = targets_table(world)
    tables["actions"] = actions_table(world)
    tables = {name: _typed(tables[name][list(COLUMNS[name])]) for name in COLUMNS}
    return Company(tables, _truth(world, hazards, tables["customers"]["customer_id"]))


def write(company: Company, folder: str | Path) -> list[Path]:
    """Write one CSV per table: UTF-8, LF, ISO dates, empty for missing, the same bytes every time.

    Parameters
    ----------
    company : Company
        What to write.
    folder : path
        Made if absent; files of the same names are replaced.

    Returns
    -------
    list of Path
        The files written, one per table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write(simulate(1, customers=60, months=3), folder))
    12
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in company.tables.items():
        path = folder / f"{name}.csv"
        text = pd.DataFrame({column: _text(table[column]) for column in table})
        text.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
        written.append(path)
    return written


def _validate(customers: int, months: int, end: str) -> None:
    problems = []
    if customers < 30:
        problems.append(f"customers is {customers}, needs 30 or more")
    if months < 2:
        problems.append(f"months is {months}, needs 2 or more")
    try:
        np.datetime64(end, "M")
    except ValueError:
        problems.append(f"end is {end!r}, needs a month such as '2026-10'")
    if problems:
        raise ValueError("; ".join(problems))


def _truth(world: World, hazards: pd.DataFrame, ids: pd.Series) -> Truth:
    items, dimensions, outcomes = population(world)
    months = np.array(world.calendar.names, dtype=object)
    hazards = pd.DataFrame(
        {
            "customer_id": ids.to_numpy()[hazards["customer"]],
            "month": months[hazards["month"]],
            "hazard": hazards["hazard"].to_numpy(),
        }
    )
    wave = world.calendar.quarter(reworded_from(world.calendar))
    return Truth(
        items=items,
        dimensions=dimensions,
        outcomes=outcomes,
        stories=world.stories,
        hazards=_typed(hazards),
        churn=CHURN,
        response=RESPONSE,
        complaint=COMPLAINT,
        shock=SHOCK,
        drivers=DRIVERS,
        points=POINTS,
        spread=SPREAD,
        survey=SURVEY,
        reworded={**REWORDING, "wave": wave},
    )


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name, column in table.items():
        if column.dtype.kind == "M":
            columns[name] = column.astype("datetime64[us]")
        elif column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            columns[name] = column.astype("str")
        else:
            columns[name] = column if column.dtype == bool else column.astype("float64")
    return pd.DataFrame(columns).reset_index(drop=True)


def _text(column: pd.Series) -> pd.Series:
    """Write a column's values down; missing stays missing."""
    if column.dtype == bool:
        return column.map({True: "true", False: "false"})
    if column.dtype.kind == "M":
        dates_only = (column.dropna() == column.dropna().dt.normalize()).all()
        return column.dt.strftime("%Y-%m-%d" if dates_only else "%Y-%m-%d %H:%M:%S")
    if column.dtype.kind != "f":
        return column
    digits = DECIMALS.get(str(column.name), 0)
    written = {value: f"{value:.{digits}f}" for value in column.dropna().unique()}
    return column.map(written).astype("str")
