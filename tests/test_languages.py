"""A run in two languages: pages of each, linked to each other, made anew when their catalogue changes."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from test_publish import book, company, text, write

from csatlib import words
from csatlib.publish import manifest
from csatlib.publish.run import run

CODE = """from csatlib import findings, theme
from csatlib.tables import workspace
from csatlib.words import say
ws = workspace.open(config, period=period, where=where)
theme.use(min_base=1, min_rank=1, language=ws.language)
regions = ", ".join(sorted(ws.responses["region"].unique()))
theme.answer(say("Expected"), evidence=ws.company.name, action=regions)"""
NAMES = """[columns.region]
label = { en = "region", zh = "地区" }
values = { North = { zh = "北区" } }
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    project = tmp_path_factory.mktemp("languages") / "project"
    config = company(project)
    settings = text(config).replace('"Tiny & Sons"', '{ en = "Tiny & Sons", zh = "小店" }')
    config.write_text(settings + 'also_in = ["zh"]\n' + NAMES, encoding="utf-8")
    write(project, "10_good", book("Where does service fall short of what customers expect?", CODE))
    write(project, "30_lacking", book("What do they complain of?", tables=("complaints",)))
    write(project, "40_bad", book("Is it bad?", "raise ValueError('no')"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CSAT_CACHE", str(project.parent / "cache"))
        told = []
        result = run(config, each="region", only="*", progress=lambda *seen: told.append(seen))
    return project, result, told


@pytest.fixture
def project(first, tmp_path, monkeypatch):
    monkeypatch.setenv("CSAT_CACHE", str(first[0].parent / "cache"))
    return Path(shutil.copytree(first[0], tmp_path / "project"))


def links(page):
    return re.findall(r'<a href="([^"]+)" hreflang="(\w+)"', text(page))


def test_the_name_of_the_other_language_has_its_font(first):
    for page in ("index.html", "2026-10/all/10_good.html"):
        found = text(first[0] / "reports" / page)
        assert ">中文</a>" in found
        assert found.count("@font-face") == 1


def test_pages_lie_in_a_folder_of_their_language(first):
    out = first[0] / "reports"
    assert first[1].index == out / "index.html"
    names = {outcome.job for outcome in first[1].outcomes if outcome.status == "done"}
    assert {"2026-10/all/10_good", "zh/2026-10/all/10_good", "zh/2026-10/region-North/10_good"} <= names
    (begun, *_), *told = first[2]
    assert begun is None
    assert len(told) == told[-1][1] == told[-1][2] == len(first[1].outcomes)
    assert set(manifest.latest(out)) == set(manifest.latest(out / "zh"))


def test_each_page_is_whole_in_its_language(first):
    english, chinese = (text(first[0] / place / "2026-10/all/10_good.html") for place in ("reports", "reports/zh"))
    assert '<html lang="en">' in english
    assert '<html lang="zh">' in chinese
    assert all(part in english for part in ("Where does service", "Expected", "Tiny &amp; Sons", "North, South"))
    for part in ("服务在哪些方面低于客户期望？", "测量", "期望", "小店", "北区", "全部报告", "关于本报告"):
        assert part in chinese
    assert "Measure" not in chinese
    assert "Tiny" not in chinese
    executed = nbformat.read(first[0] / "reports/zh/2026-10/all/10_good.ipynb", as_version=4)
    assert executed.cells[0].source.startswith("# 服务在哪些方面")


def test_index_and_manifest_are_in_the_language(first):
    entry = manifest.latest(first[0] / "reports" / "zh")["2026-10/region-North/10_good"]
    assert (entry["title"], entry["answer"]) == ("服务在哪些方面低于客户期望？", "期望")
    assert entry["segment"] == ["地区", "北区"]
    index = text(first[0] / "reports" / "zh" / "index.html")
    for part in ("客户满意度报告", "地区：北区", "需要表`complaints`", "失败"):
        assert part in index
    assert "needs table `complaints`" in text(first[0] / "reports" / "index.html")
    assert "needs table" in next(o.reason for o in first[1].outcomes if o.job.startswith("zh") and o.reason)


def test_every_page_links_to_the_same_page_in_the_other_language(first):
    out = first[0] / "reports"
    assert links(out / "index.html") == [("zh/index.html", "zh")]
    assert links(out / "zh" / "index.html") == [("../index.html", "en")]
    good = "2026-10/region-North/10_good.html"
    assert links(out / good) == [("../../zh/2026-10/region-North/10_good.html", "zh")]
    assert links(out / "zh" / good) == [("../../../2026-10/region-North/10_good.html", "en")]
    for page in out.rglob("*.html"):
        for href, _ in links(page):
            assert (page.parent / href).resolve().is_file()
    assert links(out / "2026-10/all/40_bad.failed.html") == []
    assert "未能生成" in text(out / "zh/2026-10/all/40_bad.failed.html")


def test_one_language_alone_and_the_links_stay_true(project):
    shutil.rmtree(project / "reports")
    result = run(project / "csat.toml", only="10_good", language="zh")
    out = project / "reports"
    assert [o.job for o in result.outcomes] == ["zh/2026-10/all/10_good"]
    assert result.index == out / "zh" / "index.html"
    assert not (out / "index.html").exists()
    assert links(out / "zh/2026-10/all/10_good.html") == []
    run(project / "csat.toml", only="10_good", language="en")
    assert links(out / "zh/2026-10/all/10_good.html") == [("../../../2026-10/all/10_good.html", "en")]
    assert links(out / "zh/index.html") == [("../index.html", "en")]
    with pytest.raises(ValueError, match="language 'fr' is not known"):
        run(project / "csat.toml", language="fr")


def test_a_changed_translation_makes_the_pages_of_that_language_stale(project, tmp_path, monkeypatch):
    shutil.copytree(words.CATALOGUES, tmp_path / "locale")
    monkeypatch.setattr(words, "CATALOGUES", tmp_path / "locale")
    ask = {"only": "10_good", "each": "region"}
    assert {o.status for o in run(project / "csat.toml", **ask).outcomes} == {"unchanged"}
    catalogue = tmp_path / "locale" / "zh.po"
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace("全部报告", "所有报告"), encoding="utf-8")
    status = {o.job: o.status for o in run(project / "csat.toml", only="10_good").outcomes}
    assert status == {"2026-10/all/10_good": "unchanged", "zh/2026-10/all/10_good": "done"}
    assert "所有报告" in text(project / "reports/zh/2026-10/all/10_good.html")


def test_the_language_is_as_before_after_a_run(first):
    assert words.language() == "en"
    entries = map(json.loads, text(first[0] / "reports" / "manifest.jsonl").splitlines())
    assert all(entry["title"].isascii() for entry in entries)
