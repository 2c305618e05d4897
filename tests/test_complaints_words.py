"""Chinese complaints cut into words: what is found, what is not, and what most have in common."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.complaints import frequent_words, themes
from csatlib.complaints.cutting import cut, holds
from csatlib.stats.intervals import wilson

ASAP = Path(__file__).parents[2] / "shared" / "real" / "asap_chinese"
TOPICS = {
    "service_wait_time": ("排队", "等了", "等位", "等待", "等"),
    "price_level": ("贵", "便宜", "价格", "价位"),
    "environment_noise": ("吵", "安静", "嘈杂", "闹"),
    "environment_cleaness": ("干净", "脏", "卫生", "整洁"),
    "service_waiters_attitude": ("态度", "服务员", "热情"),
    "service_parking_convenience": ("停车", "车位"),
    "service_serving_speed": ("上菜", "快", "慢"),
    "environment_space": ("大", "小", "挤", "宽敞"),
    "dish_portion": ("量", "分量", "份量"),
    "dish_taste": ("味道", "好吃", "香"),
    "location_traffic": ("地铁", "公交", "交通"),
}


@pytest.mark.parametrize(
    ("text", "word", "found"),
    [
        ("网络一直断", "断", True),
        ("我判断不了", "断", False),
        ("停车场太小", "停车", True),
        ("信号断断续续", "断", False),
        ("等了很久", "等了", True),
        ("On HOLD again", "on hold", True),
        ("Against all odds", "again", True),  # from the start of a word on
        ("regain", "again", False),
        (None, "断", False),
    ],
)
def test_a_keyword_is_found_as_a_word(text, word, found):
    assert holds(pd.Series([text]), [word]).tolist() == [found]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="网络一直断判信号等了 abc,。[]\\", max_size=20))
def test_cutting_loses_nothing_and_finds_no_more_than_substrings(text):
    assert "".join(cut(text)) == text
    words = ["断", "信号", "等了", "abc"]
    assert not holds(pd.Series([text]), words)[0] or any(word in text for word in words)


def test_words_by_hand():
    said = [
        "服务员态度差",
        "服务员不理人，电话13800138000",
        "服务员很好",
        "The bill, the BILL",
        "Wrong bill",
        None,
        " ",
    ]
    found = frequent_words(pd.DataFrame({"text": said}), min_comments=2).set_index("group")
    assert found[["n", "count"]].values.tolist() == [[3, 3], [2, 2]]
    assert found.index.tolist() == ["服务员", "bill"]
    low, high = wilson(3, 3)
    assert_allclose(found.loc["服务员", ["ci_low", "ci_high"]].tolist(), [100 * low, 100 * high])
    assert "138" not in "".join(found["quotation"])
    assert frequent_words(pd.DataFrame({"text": [None]})).empty


def test_themes_do_not_match_inside_words():
    said = pd.DataFrame({"text": ["信号一直断", "这个判断不对", "无法判断"]})
    found = themes(said, keywords={"Line": ["断"]}, min_comments=1)
    assert found["count"].tolist() == [1, 2]


@pytest.mark.long
def test_topics_people_marked():
    """ASAP (Bu et al. 2021): whole words are right more often than substrings, and miss a little more."""
    if not ASAP.is_dir():
        pytest.skip("asap_chinese is not in ../shared/real")
    reviews = pd.concat(
        [pd.read_csv(ASAP / f"{part}_sample.csv") for part in ("train", "test")], ignore_index=True
    )
    counts = {"words": [0, 0], "plain": [0, 0]}
    marked = 0
    for topic, words in TOPICS.items():
        gold = (reviews[topic] != -2).to_numpy()
        plain = reviews["reviewbody"].str.contains("|".join(words)).to_numpy(dtype=bool)
        marked += gold.sum()
        for how, found in (("words", holds(reviews["reviewbody"], words)), ("plain", plain)):
            counts[how][0] += found.sum()
            counts[how][1] += (found & gold).sum()
    assert round(100 * counts["words"][1] / counts["words"][0]) == 81
    assert round(100 * counts["plain"][1] / counts["plain"][0]) == 72
    assert round(100 * counts["words"][1] / marked) == 66
    assert round(100 * counts["plain"][1] / marked) == 73
