"""What the extract stage's key holds: what changes an answer, not how it is bought."""

import pytest

from mdexp.store.keys import stage_key
from tests.buyer import teacher

URL = "http://127.0.0.1:8000/v1"


def key(base_url=URL, **changes):
    return stage_key("extract", 1, {}, {"teacher": teacher(base_url, **changes)})


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key_env": "OTHER_KEY"},
        {"price": {"input": 1, "output": 2}},
        {"budget_usd": 1},
        {"budget_usd": None},
        {"concurrency": 64},
        {"requests_per_minute": 60},
        {"tokens_per_minute": 60_000},
        {"timeout_s": 5},
        {"max_retries": 1},
        {"identity": "http://127.0.0.1:8000/v1"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_how_an_answer_is_bought_does_not_change_the_key(changes):
    assert key(**changes) == key()


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://127.0.0.1:8000/v2"},
        {"base_url": "http://127.0.0.1:9000/v1"},
        {"identity": "my cluster"},
        {"model": "small"},
        {"num_paths": 2},
        {"temperature": 0.5},
        {"seed": 1},
        {"extra": {"min_p": 0.1}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_may_change_an_answer_changes_the_key(changes):
    assert key(**changes) != key()


def test_the_environments_endpoint_is_part_of_the_key(monkeypatch):
    keys = []
    for url in ("https://a.example.com/v1", "https://b.example.com/v1", "https://a.example.com/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        keys.append(key(None))
    assert keys[0] == keys[2] != keys[1]


def test_an_identity_shares_purchases_between_hosts(monkeypatch):
    shared = {"identity": "my cluster"}
    assert key("http://10.0.0.1/v1", **shared) == key("http://10.0.0.2/v1", **shared)
