"""The call list: who is worth a call, and who by lot is not called so that the calls can be judged."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import power_proportions_2indep

FOLDER = "restricted"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CALL, HOLD_OUT = "call", "hold_out"
DECILES = 10
MOST = 0.3  # beyond this a larger hold-out costs much and detects little more


@dataclass(frozen=True)
class CallList:
    """What a page may say of a call list: counts, and where the names lie.

    Attributes
    ----------
    counts : DataFrame
        One row per arm; see :func:`target_list`.
    plan : DataFrame
        One row: what the hold-out group can detect; see :func:`target_list`.
    folder : Path or None
        The restricted folder; None where nothing was written.
    calls, assignment : Path or None
        Files with names: whom to call; all listed with their arm, for
        :func:`csatlib.churn.retention.retention_effect`.
    earlier : bool
        Whether an earlier draw of this name was kept, though today's data would give another.
    """

    counts: pd.DataFrame
    plan: pd.DataFrame
    folder: Path | None
    calls: Path | None
    assignment: Path | None
    earlier: bool


def hold_out_size(
    n: int, *, rate: float, detectable: float, power: float = 0.8, confidence: float = 0.95, most: float = MOST
) -> pd.DataFrame:
    """Size the group that is not called, from the difference it has to detect.

    Parameters
    ----------
    n : int
        Customers listed, both groups together.
    rate : float
        Share expected to leave without a call, between 0 and 1.
    detectable : float
        Difference to be detected, in percentage points fewer who leave when called.
    power : float
        Chance of detecting it.
    confidence : float
        Of the two-sided test.
    most : float
        Largest share held out.

    Returns
    -------
    DataFrame
        One row: ``n``, ``n_hold_out``, ``rate`` (percent), ``detectable`` (points asked for), ``power`` (of
        detecting it with this group; NaN where it exceeds the rate), ``minimum_detectable`` (points detected 8
        times in 10, or `power`; NaN where even all staying would not be), ``reached`` (whether the group
        suffices).

    Raises
    ------
    ValueError
        Arguments out of range.

    Notes
    -----
    Two independent proportions, two-sided normal test, unequal groups; the smallest group that has the power.
    Where none up to `most` has it, the largest is taken and `reached` is False: then judge several lists
    together.

    References
    ----------
    Fleiss, J. L., Levin, B. and Paik, M. C. (2003), Statistical Methods for Rates and Proportions, 3rd ed., ch. 4.

    Examples
    --------
    >>> hold_out_size(4000, rate=0.2, detectable=5)[["n_hold_out", "reached"]].values.tolist()
    [[498, True]]
    """
    for name, value, fine in (
        ("n", n, n >= 2),
        ("rate", rate, 0 < rate < 1),
        ("detectable", detectable, 0 < detectable < 100),
        ("power", power, 0 < power < 1),
        ("most", most, 0 < most <= 0.5),
    ):
        if not fine:
            raise ValueError(
                f"{name}={value}; allowed are n from 2, rate and power between 0 and 1, detectable in points "
                "between 0 and 100, most above 0 up to 0.5"
            )
    sizes = np.arange(1, max(int(n * most), 1) + 1)
    chances = _power(sizes, n, rate, detectable / 100, confidence)
    enough = np.flatnonzero(chances >= power)
    chosen = int(sizes[enough[0]] if len(enough) else sizes[-1])
    points = np.arange(0.0005, rate, 0.0005)
    detected = np.flatnonzero(_power(chosen, n, rate, points, confidence) >= power)
    return pd.DataFrame(
        {
            "n": [n],
            "n_hold_out": [chosen],
            "rate": [100 * rate],
            "detectable": [float(detectable)],
            "power": [float(chances[chosen - 1])],
            "minimum_detectable": [100 * points[detected[0]] if len(detected) else np.nan],
            "reached": [bool(len(enough))],
        }
    )


def target_list(
    data: pd.DataFrame,
    *,
    folder: str | Path | None,
    name: str,
    probability: str = "probability",
    value: str = "value",
    customer: str = "customer_id",
    reason: str = "reason",
    owner: str = "owner",
    saveability: float,
    cost: float,
    detectable: float,
    most_calls: int | None = None,
    most: float = MOST,
    power: float = 0.8,
    confidence: float = 0.95,
    seed: int = 0,
) -> CallList:
    """Write the list of customers worth a call to a restricted file, and draw by lot who is not called.

    Parameters
    ----------
    data : DataFrame
        One row per customer with the chance of leaving (0 to 1), the value at stake (money), and the words for
        the caller: `reason` (what similar customers who left had in common) and `owner` (who calls).
    folder : str, Path or None
        A folder called ``restricted``; made with access for its owner alone. None or "": count, write nothing.
    name : str
        Name of the list, for example ``"2026-10"``: a lot is drawn once per name.
    probability, value, customer, reason, owner : str
        Columns.
    saveability : float
        Assumed share of leavers who stay if called, 0 to 1. An assumption until the hold-out has spoken.
    cost : float
        Of one call, in the money of `value`.
    detectable : float
        Difference the hold-out has to detect, in percentage points.
    most_calls : int, optional
        Listed at most, the most worthwhile first; default: all worth more than their call costs.
    most, power, confidence
        As in :func:`hold_out_size`.
    seed : int
        Of the lot.

    Returns
    -------
    CallList
        ``counts``: one row per arm (``group``: call, hold_out): ``n``, ``estimate`` (chance of leaving, percent,
        mean), ``value`` (value at stake: sum of chance x value), ``gain`` (sum of chance x value x saveability -
        cost: what calling them earns if the assumption holds; of the hold-out: what is given up to learn).
        ``plan``: :func:`hold_out_size` of this list, with ``n_customers`` (all that were looked at). Paths of the
        files. No name leaves the folder.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; customers missing or twice; values out of range; a folder of another name.

    Notes
    -----
    Systematic sample with a random start from the list sorted by decile of the chance and then at random: all
    have the same chance of being held out, and each decile gives its share. Files have mode 0600 in a folder of
    mode 0700 that git leaves out. A list of the same name is never drawn again, since calls may have been made:
    the counts are then those of the first draw.

    References
    ----------
    Verbeke, W., Dejaeger, K., Martens, D., Hur, J. and Baesens, B. (2012), European Journal of Operational
    Research 218(1), 211-229 (profit of a retention campaign); Cochran, W. G. (1977), Sampling Techniques, 3rd
    ed., sec. 8.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({"customer_id": range(200), "probability": 0.3, "value": 500.0})
    >>> rows = rows.assign(reason="Similar customers left more often.", owner="Care")
    >>> with TemporaryDirectory() as home:
    ...     options = {"folder": f"{home}/restricted", "name": "2026-10", "saveability": 0.2, "cost": 10}
    ...     found = target_list(rows, detectable=20, **options)
    >>> found.counts[["group", "n", "gain"]].values.tolist()
    [['call', 168, 3360.0], ['hold_out', 32, 640.0]]
    """
    folder = Path(folder) if folder else None
    columns = {"customer": customer, "probability": probability, "value": value, "reason": reason, "owner": owner}
    rows = _checked(data, columns, folder, name, saveability, cost)
    rows = rows.assign(gain=rows["probability"] * rows["value"] * saveability - cost)
    listed = rows[rows["gain"] > 0].sort_values(["gain", "customer"], ascending=[False, True], kind="stable")
    listed = listed.head(most_calls) if most_calls is not None else listed
    options = {"detectable": detectable, "power": power, "confidence": confidence, "most": most}
    plan, listed = _drawn(listed, options, seed)
    calls, assignment, earlier = None, None, False
    if folder is not None:
        calls, assignment = folder / f"call_list_{name}.csv", folder / f"assignment_{name}.csv"
        fresh = _text(listed[["customer", "probability", "decile", "value", "gain", "arm"]])
        earlier = assignment.exists() and assignment.read_text(encoding="utf-8") != fresh
        if earlier:
            listed = pd.read_csv(assignment)
            plan = _plan(listed, options).assign(n_hold_out=int((listed["arm"] == HOLD_OUT).sum()))
        elif len(listed):
            called = listed[listed["arm"] == CALL].drop(columns="arm")
            _prepare(folder)
            _write(calls, _text(called.sort_values("gain", ascending=False, kind="stable")))
            _write(assignment, fresh)  # last: it marks the lot as drawn
    return CallList(_counts(listed), plan.assign(n_customers=len(rows)), folder, calls, assignment, earlier)


def _drawn(listed: pd.DataFrame, options: dict[str, float], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    plan = _plan(listed, options)
    return plan, _lot(listed if len(plan) else listed.head(0), int(plan["n_hold_out"].sum()), seed)


def _plan(listed: pd.DataFrame, options: dict[str, float]) -> pd.DataFrame:
    """Size the hold-out; no row where fewer than two are worth a call."""
    if len(listed) < 2:
        return hold_out_size(2, rate=0.5, **options).head(0)
    rate = float(np.clip(listed["probability"].mean(), 1e-9, 1 - 1e-9))
    return hold_out_size(len(listed), rate=rate, **options)


def _counts(listed: pd.DataFrame) -> pd.DataFrame:
    arms = listed.assign(stake=listed["probability"] * listed["value"]).groupby("arm")
    counts = arms.agg(
        n=("gain", "size"), estimate=("probability", "mean"), value=("stake", "sum"), gain=("gain", "sum")
    )
    counts = counts.reindex([CALL, HOLD_OUT]).rename_axis("group").reset_index()
    counts[["n", "value", "gain"]] = counts[["n", "value", "gain"]].fillna(0)
    return counts.assign(n=counts["n"].astype(int), estimate=100 * counts["estimate"])


def _power(held: np.ndarray, n: int, rate: float, difference: np.ndarray, confidence: float) -> np.ndarray:
    """Chance of detecting that fewer leave when called; NaN for a difference that the rate leaves no room for."""
    held, difference = np.broadcast_arrays(held, np.asarray(difference, dtype=float))
    room = difference < rate
    less = np.where(room, difference, rate / 2)
    options = {"ratio": held / (n - held), "alpha": 1 - confidence, "return_results": False}
    return np.where(room, power_proportions_2indep(-less, rate, n - held, **options), np.nan)


def _lot(listed: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = listed.sort_values("customer", kind="stable")
    rank = rows["probability"].rank(method="first", ascending=False).to_numpy()
    rows = rows.assign(decile=np.ceil(rank * DECILES / len(rows)).astype(int), _lot=rng.random(len(rows)))
    rows = rows.sort_values(["decile", "_lot"], kind="stable")
    held = np.floor((rng.random() + np.arange(size)) * len(rows) / size).astype(int)
    arms = np.full(len(rows), CALL, dtype=object)
    arms[held] = HOLD_OUT
    return rows.assign(arm=arms).drop(columns="_lot").sort_values("customer", kind="stable")


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _text(table: pd.DataFrame) -> str:
    """CSV in which no cell is taken for a formula."""
    safe = table.copy()
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
        text = safe[column].astype(str)
        safe[column] = text.mask(text.str.startswith(FORMULA), "'" + text)
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, from its first byte on and whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)


def _checked(
    data: pd.DataFrame, columns: dict[str, str], folder: Path | None, name: str, saveability: float, cost: float
) -> pd.DataFrame:
    absent = [column for column in columns.values() if column not in data.columns]
    if absent:
        raise KeyError(f"data has no column {', '.join(absent)}; it has {', '.join(map(str, data.columns))}")
    rows = pd.DataFrame({short: data[column] for short, column in columns.items()})
    chance, worth = rows["probability"].astype(float), rows["value"].astype(float)
    unclear = rows["customer"].isna() | rows["customer"].duplicated()
    plain = name.replace("-", "").replace("_", "").isalnum()
    rules = (
        (
            folder is None or folder.name == FOLDER,
            f"folder={str(folder)!r}; customers' names go into a folder called {FOLDER!r}",
        ),
        (plain, f"name={name!r}; allowed are letters, digits, - and _"),
        (0 < saveability <= 1, f"saveability={saveability}; allowed is a share above 0 up to 1"),
        (cost >= 0, f"cost={cost}; allowed is 0 or more"),
        (not unclear.any(), f"{columns['customer']} is missing or twice; allowed is one row per customer"),
        (chance.between(0, 1).all(), f"{columns['probability']} is missing or outside 0 to 1"),
        ((worth >= 0).all(), f"{columns['value']} is missing or below 0; allowed is money of 0 or more"),
    )
    problems = [text for kept, text in rules if not kept]
    if problems:
        raise ValueError("; ".join(problems))
    return rows.assign(probability=chance, value=worth)
