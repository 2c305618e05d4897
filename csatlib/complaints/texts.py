"""What complaints are about in the customers' own words: themes by keyword, with masked quotations."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from csatlib.masking import typical
from csatlib.stats.due import shares
from csatlib.stats.intervals import check_confidence
from csatlib.stats.rows import require_columns
from csatlib.words import mark

THEMES = {
    mark("Waiting and being on hold"): ("on hold", "queue", "waiting", "minutes of music", "等了", "排队", "等待"),
    mark("Appointments and repairs"): (
        *("nobody showed", "appointment", "waited at home", "technician", "my repair", "to look at the router"),
        *("a week later", "改期", "上门", "没人来", "维修", "师傅", "装机"),
    ),
    mark("Not solved, or done twice"): (
        *("still not fixed", "nothing was solved", "done twice", "again", "没解决", "没修好", "两次", "又坏"),
    ),
    mark("Passed on, told different things"): (
        *(
            "sent me",
            "passed me",
            "same problem",
            "explain",
            "back to the hotline",
            "different answer",
            "in circles",
        ),
        *("讲了", "让我打", "转来转去", "说不清"),
    ),
    mark("No call back"): ("called me back", "call back", "called back", "回电", "回复"),
    mark("Bill and refund"): (
        *("bill", "refund", "charged", "invoice", "reminder", "账单", "退款", "扣费", "扣款", "催款"),
    ),
    mark("Line and reception"): (
        *("line drops", "drops out", "connection failed", "freeze", "signal", "outage", "slow", "nothing works"),
        *("断", "信号", "网速", "卡顿"),
    ),
    mark("Price and contract"): (
        *("price", "pays less", "contract", "expensive", "hidden cost", "涨价", "合同", "套餐", "价格", "太贵"),
    ),
    mark("Shops"): ("shop", "门店", "营业厅"),
}
OTHER = mark("None of these")
MIN_COMMENTS = 8
CHINESE = re.compile(r"[\u2e80-\u9fff]")


def themes(
    data: pd.DataFrame,
    *,
    text: str = "text",
    keywords: Mapping[str, Sequence[str]] | None = None,
    min_comments: int = MIN_COMMENTS,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count complaints by theme, with a typical quotation of each.

    Parameters
    ----------
    data : DataFrame
        One row per complaint.
    text : str
        Column with what the customer said.
    keywords : mapping of str to sequence of str, optional
        Themes and the words they are known by; a set in English and Chinese otherwise.
    min_comments : int
        A theme in fewer texts has no quotation.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    DataFrame
        One row per theme in the order given, then ``"other"``: ``group``, ``n`` (complaints with a text),
        ``count`` (with the theme; a text may have several), ``estimate`` (percent), ``ci_low``, ``ci_high``,
        ``quotation`` (masked, "" where too few). Empty where no complaint has a text.

    Raises
    ------
    KeyError, ValueError
        A column that is not there; a theme without keywords.

    Notes
    -----
    Keywords are looked for regardless of case, English ones from the start of a word on, Chinese ones anywhere:
    without segmentation into words, a Chinese keyword of one character also matches inside longer words. No words
    are weighed and no negation is understood. The quotation is the text of middle length among those with the
    theme that hold nothing masked where there are any; e-mail addresses, telephone and identity numbers are
    masked, names are not.

    Examples
    --------
    >>> said = ["I was on hold", "on hold again, ring 0171 1234567", "排队很久了，什么时候才能轮到我？", None]
    >>> keywords = {"Waiting": ["on hold", "排队"]}
    >>> found = themes(pd.DataFrame({"text": said}), keywords=keywords, min_comments=1)
    >>> found[["group", "n", "count", "quotation"]].values.tolist()
    [['Waiting', 3, 3, 'I was on hold'], ['other', 3, 0, '']]
    """
    check_confidence(confidence)
    require_columns(data.columns, [text])
    chosen = THEMES if keywords is None else dict(keywords)
    empty = [theme for theme, words in chosen.items() if isinstance(words, str) or not list(words)]
    if empty:
        raise ValueError(
            f"no list of keywords for {', '.join(map(repr, empty))}; give each theme one or more words"
        )
    said = data[text].dropna().astype("str").str.strip()
    said = said[said != ""]
    with_theme = {
        theme: said.str.contains(_pattern(words)).to_numpy(dtype=bool) for theme, words in chosen.items()
    }
    some = np.logical_or.reduce(list(with_theme.values())) if with_theme else np.zeros(len(said), dtype=bool)
    rows = [
        {"group": theme, "count": int(at.sum()), "quotation": _quotation(said[at], min_comments)}
        for theme, at in with_theme.items()
    ]
    found = pd.DataFrame([*rows, {"group": "other", "count": int((~some).sum()), "quotation": ""}])
    found = found if len(said) else found.head(0)
    n = np.full(len(found), len(said))
    found = found.assign(n=n, **shares(found["count"], n, confidence=confidence))
    return found[["group", "n", "count", "estimate", "ci_low", "ci_high", "quotation"]]


def _pattern(words: Sequence[str]) -> re.Pattern:
    parts = [re.escape(word) if CHINESE.search(word) else rf"\b{re.escape(word)}" for word in words]
    return re.compile("|".join(parts), re.IGNORECASE)


def _quotation(said: pd.Series, least: int) -> str:
    return next(iter(typical(said)), "") if len(said) >= least else ""
