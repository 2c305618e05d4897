"""Text answers of common questions and the number each stands for, in English and Chinese."""

from collections.abc import Mapping

from csatlib.tables.schema import did_you_mean


def _ladder(*steps: str) -> dict[str, float]:
    """Give the steps their numbers from 1; a bar parts words that mean the same step."""
    return {word: float(k) for k, words in enumerate(steps, 1) for word in words.split("|")}


_MIDDLE = "Neutral|Undecided|一般|中立|不确定|普通"

PRESETS: Mapping[str, Mapping[str, float]] = {
    "agreement-5": _ladder(
        "Strongly disagree|Completely disagree|非常不同意|完全不同意|很不同意",
        "Disagree|Somewhat disagree|不同意|比较不同意|不太同意",
        f"Neither agree nor disagree|{_MIDDLE}|既不同意也不反对",
        "Agree|Somewhat agree|同意|比较同意",
        "Strongly agree|Completely agree|非常同意|完全同意|很同意",
    ),
    "agreement-7": _ladder(
        "Strongly disagree|Completely disagree|非常不同意|完全不同意",
        "Disagree|不同意",
        "Somewhat disagree|Slightly disagree|有点不同意|比较不同意|不太同意",
        f"Neither agree nor disagree|{_MIDDLE}|既不同意也不反对",
        "Somewhat agree|Slightly agree|有点同意|比较同意",
        "Agree|同意",
        "Strongly agree|Completely agree|非常同意|完全同意",
    ),
    "satisfaction-5": _ladder(
        "Very dissatisfied|Extremely dissatisfied|Completely dissatisfied|非常不满意|很不满意",
        "Dissatisfied|Somewhat dissatisfied|不满意|比较不满意|不太满意",
        f"Neither satisfied nor dissatisfied|{_MIDDLE}",
        "Satisfied|Somewhat satisfied|满意|比较满意",
        "Very satisfied|Extremely satisfied|Completely satisfied|非常满意|很满意",
    ),
    "satisfaction-7": _ladder(
        "Very dissatisfied|Extremely dissatisfied|Completely dissatisfied|非常不满意|很不满意",
        "Dissatisfied|Moderately dissatisfied|不满意",
        "Somewhat dissatisfied|Slightly dissatisfied|有点不满意|比较不满意|不太满意",
        f"Neither satisfied nor dissatisfied|{_MIDDLE}",
        "Somewhat satisfied|Slightly satisfied|有点满意|比较满意",
        "Satisfied|Moderately satisfied|满意",
        "Very satisfied|Extremely satisfied|Completely satisfied|非常满意|很满意",
    ),
    "frequency-5": _ladder(
        "Never|从不|从来没有",
        "Rarely|Seldom|很少",
        "Sometimes|Occasionally|有时|偶尔",
        "Often|经常",
        "Always|总是",
    ),
    "likelihood-0-10": {
        "Not at all likely": 0.0,
        "0 - Not at all likely": 0.0,
        "完全不可能": 0.0,
        "0(完全不可能)": 0.0,
        "Extremely likely": 10.0,
        "10 - Extremely likely": 10.0,
        "非常可能": 10.0,
        "10(非常可能)": 10.0,
    },
    "yes-no": {"No": 0.0, "否": 0.0, "Yes": 1.0, "是": 1.0},
}


def labels_of(name: str) -> dict[str, float]:
    """Return the text answers of a preset and the number each stands for.

    Parameters
    ----------
    name : str
        One of `PRESETS`: the kind of question and its number of steps.

    Returns
    -------
    dict of str to float
        English and Chinese answers; answers are compared without regard to case. Plain numbers are read
        without a label.

    Raises
    ------
    ValueError
        If there is no such preset; with the nearest name.

    Examples
    --------
    >>> labels_of("agreement-7")["Strongly agree"], labels_of("satisfaction-5")["非常满意"]
    (7.0, 5.0)
    """
    if name not in PRESETS:
        raise ValueError(
            f"unknown preset{did_you_mean(name, PRESETS)}; allowed: {', '.join(PRESETS)}, or a table such as "
            '{ "Strongly agree" = 7 }'
        )
    return dict(PRESETS[name])
