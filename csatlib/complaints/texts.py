"""What complaints are about in the customers' own words: themes by keyword, with masked quotations."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from csatlib.complaints.cutting import CHINESE, holds, tagged
from csatlib.masking import mask, typical
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
WORD = re.compile(r"[a-z]{3,}")
CONTENT = "nvax"  # nouns, verbs, adjectives, and words the dictionary lacks
PLAIN = frozenset(
    ("没有", "还有", "有点", "就是", "可以", "觉得", "感觉", "时候", "知道")
)  # say nothing by themselves
# of scikit-learn's stop words those that a complaint may be about
ENGLISH_PLAIN = ENGLISH_STOP_WORDS - {
    "amount",
    "bill",
    "call",
    "detail",
    "empty",
    "fire",
    "interest",
    "serious",
    "system",
}
SIGN = re.compile(r"\[[a-z -]+\]")  # what masking leaves


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
    Keywords are looked for as in :func:`csatlib.complaints.cutting.holds`: English ones from the start of a word
    on, Chinese ones as words. No words are weighed and no negation is understood. The quotation is the text of
    middle length among those with the
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
    with_theme = {theme: holds(said, words) for theme, words in chosen.items()}
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


def frequent_words(
    data: pd.DataFrame,
    *,
    text: str = "text",
    show: int = 12,
    min_comments: int = MIN_COMMENTS,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count the words most complaints have in common, with a typical quotation of each.

    Parameters
    ----------
    data : DataFrame
        One row per complaint.
    text : str
        Column with what the customer said.
    show : int
        Words shown at most of each script.
    min_comments : int
        A word in fewer texts is not shown.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    DataFrame
        One row per word, those in more texts first, then in the order of the words: ``group``, ``n`` (complaints
        with a text in the word's script), ``count`` (texts with the word), ``estimate`` (percent), ``ci_low``,
        ``ci_high``, ``quotation`` (masked).

    Raises
    ------
    KeyError
        A column that is not there.

    Notes
    -----
    Chinese words are nouns, verbs and adjectives of two characters or more, English ones have three letters or
    more and are not among scikit-learn's stop words, but for a few such as bill; personal numbers and addresses
    are masked before anything is counted. A text counts a word once. The order is that of the counts: words whose
    intervals overlap may change places.

    Examples
    --------
    >>> said = pd.DataFrame({"text": ["态度差", "态度不好", "The router failed", "New router, please"]})
    >>> frequent_words(said, min_comments=2)[["group", "n", "count"]].values.tolist()
    [['router', 2, 2], ['态度', 2, 2]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [text])
    said = data[text].dropna().astype("str").str.strip()
    said = said[said != ""]
    told = pd.Series([_words(mask(one)) for one in said], index=said.index, dtype=object)
    long = told.explode().dropna().rename("group").rename_axis("row").reset_index()
    chinese = said.str.contains(CHINESE)
    counts = long.groupby("group").size().rename("count").reset_index()
    counts = counts[counts["count"] >= min_comments].sort_values(["count", "group"], ascending=[False, True])
    counts = counts.reset_index(drop=True).astype({"group": "str"})
    counts = counts[counts.groupby(counts["group"].str.contains(CHINESE)).cumcount() < show].reset_index(drop=True)
    east = counts["group"].str.contains(CHINESE)
    counts["n"] = np.where(east, int(chinese.sum()), int((~chinese).sum()))
    rows = dict(list(long.groupby("group")["row"]))
    counts["quotation"] = [_quotation(said[rows[word]], min_comments) for word in counts["group"]]
    found = counts.assign(
        **shares(counts["count"], counts["n"].clip(lower=counts["count"]), confidence=confidence)
    )
    return found[["group", "n", "count", "estimate", "ci_low", "ci_high", "quotation"]]


def _words(text: str) -> set[str]:
    if CHINESE.search(text):
        kept = {word for word, kind in tagged(text) if kind[:1] in CONTENT and len(word) > 1}
        return {word for word in kept if CHINESE.search(word)} - PLAIN
    return set(WORD.findall(SIGN.sub("", text.lower()))) - ENGLISH_PLAIN


def _quotation(said: pd.Series, least: int) -> str:
    return next(iter(typical(said)), "") if len(said) >= least else ""
