"""What the page is called, and where its counts lead: to the generations that were counted."""

import json
import re
from html import unescape
from urllib.parse import parse_qsl

from mdexp.report.build import build_report
from tests.synthetic_run import run_parts


def written(folder, **parts):
    build_report(folder, **parts)
    return (folder / "report.html").read_text()


def test_failures_lead_to_their_generations(tmp_path):
    page = written(tmp_path, **run_parts())
    query = "dataset=toy&amp;phase=after&amp;thought=pot&amp;verdict=wrong+value"
    assert f'data-find="{query}">wrong value</a> <b>2</b>' in page


def linked(page):
    """The queries of all links to generations, by their words."""
    found = re.findall(r'data-find="([^"]*)">([^<]*)</a>', page)
    return [(dict(parse_qsl(unescape(query))), words) for query, words in found]


def test_counts_of_solved_and_disputed_problems_lead_to_all_of_them(tmp_path):
    parts = run_parts(samples=(0, 1, 2), num_problems=20)
    after = parts["analysis"]["toy"]["after"]
    after["solved_by_votes"]["pot only"] |= {"n": 1, "ids": ["p6"]}
    after["graders"]["cot"]["pad"]["ids"] = [f"p{k}" for k in range(7)]
    page = written(tmp_path, **parts)
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    sets = json.loads(block[1])["sets"]
    links = [(query, words) for query, words in linked(page) if "set" in query]
    greedy = {"phase": "after", "path": "greedy"}
    assert ({"set": "toy, after: both, by greedy path"} | greedy, "6") in links
    sampled = {"set": "toy, after: pot only, by own vote", "phase": "after", "path": "sampled"}
    assert (sampled, "1") in links
    disputed = {"set": "toy, after: cot in dispute under pad", "thought": "cot"} | greedy
    assert (disputed, "all 7") in links
    for query, words in links:
        assert len(sets[query["set"]]) == int(words.removeprefix("all ")), query
    assert sets["toy, after: both, by greedy path"] == [f"p{k}" for k in range(6)]
    assert not any("cot only" in name for name in sets), "an empty set cannot be chosen"


def test_the_tab_is_called_like_the_run(tmp_path):
    settings = {"dataset": {"name": "mine"}, "thoughts": {"cot": {}, "pot": {}}}
    page = written(tmp_path, **run_parts() | {"run": {"settings": settings}})
    assert "<title>mine · cot + pot</title>" in page
    page = written(tmp_path, **run_parts())
    assert "<title>mdexp report</title>" in page
