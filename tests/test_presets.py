import pytest
from company_folder import write_company

from csatlib.tables import config, workspace
from csatlib.tables.presets import PRESETS, labels_of

HEAD = "response_id,responded_at,e07,p07"
SCALE = """
[scales.care]
low = 1
high = {high}
labels = {labels}
items = [{{ item = "q07", dimension = "speed", expectation = "e07", perception = "p07" }}]
"""


@pytest.mark.parametrize("name", [name for name in PRESETS if name[-1] in "57"])
def test_steps_of_a_preset(name):
    labels, steps = labels_of(name), int(name[-1])
    assert sorted(set(labels.values())) == list(range(1, steps + 1))
    assert len({label.casefold() for label in labels}) == len(labels)
    for step in range(1, steps + 1):
        words = [word for word, number in labels.items() if number == step]
        assert any(word.isascii() for word in words)
        assert any(not word.isascii() for word in words)


@pytest.mark.parametrize(
    ("preset", "label", "number"),
    [
        ("agreement-5", "Strongly agree", 5),
        ("agreement-5", "Neither agree nor disagree", 3),
        ("agreement-5", "非常不同意", 1),
        ("agreement-7", "Strongly agree", 7),
        ("agreement-7", "Somewhat disagree", 3),
        ("agreement-7", "同意", 6),
        ("satisfaction-5", "非常满意", 5),
        ("satisfaction-5", "Somewhat satisfied", 4),
        ("satisfaction-7", "一般", 4),
        ("satisfaction-7", "Extremely dissatisfied", 1),
        ("likelihood-0-10", "Extremely likely", 10),
        ("likelihood-0-10", "0 - Not at all likely", 0),
        ("frequency-5", "从不", 1),
        ("yes-no", "是", 1),
    ],
)
def test_labels(preset, label, number):
    assert labels_of(preset)[label] == number


def test_a_preset_is_a_copy():
    labels_of("yes-no").clear()
    assert labels_of("yes-no")["Yes"] == 1


def test_preset_in_the_settings_and_an_unmapped_label(tmp_path):
    rows = ["Strongly agree,非常同意", " STRONGLY AGREE ,3", "agree,同意", "Agree!,4", "Agree!,5", "so so,5"]
    text = f"{HEAD}\n" + "".join(f"r{k},2026-10-01,{row}\n" for k, row in enumerate(rows))
    scale = SCALE.format(high=5, labels='"agreement-5"')
    ws = workspace.open(write_company(tmp_path, responses=text, scale=scale))
    assert ws.responses[["e07", "p07"]].values.tolist() == [[5, 5], [5, 3], [4, 4]]
    assert ws.problems[["column", "count", "found"]].values.tolist() == [["e07", 3, "'Agree!' (2), 'so so'"]]
    assert ws.scales["care"].labels["Strongly agree"] == 5


def test_labels_that_differ_by_case_only_keep_their_case(tmp_path):
    text = f"{HEAD}\na,2026-10-01,Y,y\n"
    scale = SCALE.format(high=5, labels='{ "Y" = 5, "y" = 1 }')
    assert workspace.open(write_company(tmp_path, responses=text, scale=scale)).responses["p07"].tolist() == [1]


def test_unknown_preset(tmp_path):
    file = write_company(tmp_path, scale=SCALE.format(high=5, labels='"agremment-5"'))
    with pytest.raises(ValueError, match="scales.care.labels: found 'agremment-5'; unknown preset") as caught:
        config.load(file)
    assert "(did you mean 'agreement-5'?); allowed: agreement-5, agreement-7" in str(caught.value)


def test_a_preset_outside_the_range_of_the_scale(tmp_path):
    file = write_company(tmp_path, scale=SCALE.format(high=5, labels='"agreement-7"'))
    with pytest.raises(ValueError, match=r"labels stand for 6, 7, outside 1 to 5"):
        config.load(file)
