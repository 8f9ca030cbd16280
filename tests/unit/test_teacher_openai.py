"""A teacher behind an endpoint: each answer bought once, failures told apart, no key anywhere."""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from mdexp.records import Problem
from mdexp.teacher import online_purchase
from mdexp.teacher.command_id import new_command
from mdexp.teacher.endpoint import endpoint_identity, is_loopback
from mdexp.teacher.leases import Claims
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.retry import TeacherError, Unanswered, pause_s, retry_after_s
from mdexp.teacher.schema import FILE
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought
from tests import buyer
from tests.buyer import NO_PROGRAMS
from tests.loopback import LoopbackServer

COT = ChainOfThought(instruction="Reason.", cue="Think.")
POT = ProgramOfThought(instruction="Program.", cue="Compute ans.")
KEY = "sk-planted-7f3a91c2d4"
PROBLEMS = [
    Problem(id=f"p{i}", dataset="d", split="train", question=f"Question {i}?", answer=i)
    for i in range(4)
]


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("TEACHER_KEY", raising=False)


def teacher(base_url, **changes):
    return buyer.teacher(base_url, **({"concurrency": 2, "max_retries": 2} | changes))


def ask(ledger, base_url, problems=PROBLEMS, thoughts=None, **changes):
    with new_command():
        return list(
            teacher(base_url, **changes).paths(
                problems, thoughts or {"cot": COT}, ledger, NO_PROGRAMS
            )
        )


def test_paths_come_by_problem_thought_and_sample(server, tmp_path):
    paths = ask(tmp_path, server.url, PROBLEMS[:2], {"cot": COT, "pot": POT}, num_paths=2)
    assert [(p.problem_id, p.thought, p.sample) for p in paths] == [
        (problem, thought, sample)
        for problem in ("p0", "p1")
        for thought in ("cot", "pot")
        for sample in (0, 1)
    ]
    assert paths[1].text == "Question 0?\nThink. #1"
    assert paths[2].text == "Question 0?\nCompute ans. #0"
    assert {(p.model, p.finish_reason) for p in paths} == {("large-0001", "stop")}


def test_a_request_holds_instruction_exemplars_and_settings_and_no_null(server, tmp_path):
    ask(tmp_path, server.url, PROBLEMS[:1], num_shots=2, extra={"min_p": 0.1})
    (body,) = server.bodies
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == "Reason."
    rest = {key: value for key, value in body.items() if key != "messages"}
    assert rest == {"model": "large", "temperature": 0.7, "max_tokens": 64, "min_p": 0.1}


def test_a_second_run_asks_nothing_and_needs_neither_key_nor_server(tmp_path):
    with LoopbackServer() as server:
        first = ask(tmp_path, server.url, num_paths=2)
        assert server.num_calls == 4
    assert ask(tmp_path, server.url, num_paths=2) == first


def test_more_paths_buy_only_the_difference_and_keep_what_was_there(server, tmp_path):
    one = ask(tmp_path, server.url, num_paths=1)
    assert sum(server.num_choices.values()) == 4
    three = ask(tmp_path, server.url, num_paths=3)
    assert sum(server.num_choices.values()) == 12
    assert [body["n"] for body in server.bodies[4:]] == [2] * 4
    assert [path for path in three if path.sample == 0] == one
    assert len({path.text for path in three}) == 12


def test_a_new_question_buys_only_itself(server, tmp_path):
    ask(tmp_path, server.url, PROBLEMS[:3])
    ask(tmp_path, server.url, PROBLEMS)
    assert server.num_calls == 4


def test_equal_questions_share_their_answers(server, tmp_path):
    twin = Problem(id="twin", dataset="d", split="train", question="Question 0?", answer=0)
    paths = ask(tmp_path, server.url, [PROBLEMS[0], twin])
    assert server.num_calls == 1
    assert [(p.problem_id, p.text) for p in paths] == [
        ("p0", "Question 0?\nThink. #0"),
        ("twin", "Question 0?\nThink. #0"),
    ]


@pytest.mark.parametrize(("identity", "is_asked"), [(None, True), ("my server", False)])
def test_two_ports_are_two_teachers_unless_an_identity_says_otherwise(identity, is_asked, tmp_path):
    with LoopbackServer() as first, LoopbackServer() as second:
        ask(tmp_path, first.url, identity=identity)
        ask(tmp_path, second.url, identity=identity)
        assert bool(second.num_calls) is is_asked


def test_a_server_that_ignores_n_is_asked_again_with_other_seeds(server, tmp_path):
    server.honours_n = False
    paths = ask(tmp_path, server.url, PROBLEMS[:2], num_paths=3, concurrency=1)
    assert [path.text[-2:] for path in paths] == ["#0", "#1", "#2"] * 2
    sent = [(b["messages"][-1]["content"][9], b.get("n"), b.get("seed")) for b in server.bodies]
    assert sent == [
        *[("0", 3, None), ("1", None, None)],
        *[("0", None, 1), ("1", None, 1), ("0", None, 2), ("1", None, 2)],
    ]


def test_with_a_seed_each_sample_has_its_own(server, tmp_path):
    paths = ask(tmp_path, server.url, PROBLEMS[:1], num_paths=3, seed=10)
    assert [path.text[-2:] for path in paths] == ["#0", "#1", "#2"]
    assert [body["seed"] for body in server.bodies] == [10, 11, 12]
    assert [body.get("n") for body in server.bodies] == [None, None, None]


@pytest.mark.parametrize("fault", ["429", "500", "html", "broken json", "no choices"])
def test_a_passing_failure_is_retried_and_counted(server, tmp_path, caplog, fault):
    server.misbehave(fault)
    with caplog.at_level(logging.INFO):
        assert len(ask(tmp_path, server.url, PROBLEMS[:1])) == 1
    assert server.num_calls == 2
    kind = f"HTTP {fault}" if fault.isdigit() else "broken reply"
    assert f"calls 2, {kind} 1, answers 1" in caplog.text


def test_a_time_out_is_retried(server, tmp_path, caplog):
    server.misbehave("slow")
    with caplog.at_level(logging.INFO):
        assert len(ask(tmp_path, server.url, PROBLEMS[:1], timeout_s=0.5)) == 1
    assert "time-out 1" in caplog.text


def test_retry_after_is_waited_for_with_jitter_and_failures_wait_longer_each_time():
    def pauses(retry_after_s, num_failures):
        error = Unanswered("HTTP 429", "", charged=False, retry_after_s=retry_after_s)
        return [pause_s(error, num_failures) for _ in range(200)]

    assert all(0.2 <= pause <= 1.2 for pause in pauses(0.2, 6))
    assert len(set(pauses(0.2, 6))) > 100
    assert max(pauses(None, 1)) <= 0.5
    assert 4 < max(pauses(None, 5)) <= 8
    assert max(pauses(None, 50)) <= 30
    assert pauses(3600.0, 1) == [None] * 200


def test_an_hour_is_not_waited_for(server, tmp_path, caplog):
    server.misbehave("429 for an hour")
    paths = ask(tmp_path, server.url, PROBLEMS[:2], concurrency=1)
    assert [path.problem_id for path in paths] == ["p1"]
    assert "gave up 1 answers: HTTP 429" in caplog.text
    assert "1 of 2 answers could not be had" in caplog.text


def test_missing_usage_and_cut_off_answers_are_recorded_not_asked_again(server, tmp_path):
    server.has_usage = False
    server.finish_reason = "length"
    (path,) = ask(tmp_path, server.url, PROBLEMS[:1])
    assert path.finish_reason == "length"
    assert ask(tmp_path, server.url, PROBLEMS[:1]) == [path]
    assert server.num_calls == 1


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("quota", "no credit left: add some, then run again"),
        ("400", r"refuses the parameter max_tokens: try .*HTTP 400"),
        ("404", r"teacher\.model and teacher\.base_url .*HTTP 404.*does not exist"),
    ],
)
def test_what_repeating_cannot_mend_stops_the_run_and_keeps_what_came(
    server, tmp_path, fault, advice
):
    ask(tmp_path, server.url, PROBLEMS[:1])
    server.misbehave(always=fault)
    with pytest.raises(TeacherError, match=advice):
        ask(tmp_path, server.url, concurrency=1, max_retries=5)
    assert server.num_calls == 2
    server.misbehave()
    assert len(ask(tmp_path, server.url)) == 4
    assert server.num_calls == 5


def test_a_samples_loss_leaves_the_others(server, tmp_path, caplog):
    server.misbehave("500")
    paths = ask(tmp_path, server.url, concurrency=1, max_retries=0)
    assert [path.problem_id for path in paths] == ["p1", "p2", "p3"]
    assert "1 of 4 answers could not be had" in caplog.text
    assert len(ask(tmp_path, server.url)) == 4
    assert server.num_calls == 5


def test_a_dead_server_is_not_asked_for_ever(server, tmp_path, monkeypatch):
    monkeypatch.setattr(online_purchase, "MAX_GIVEN_UP_IN_A_ROW", 2)
    server.misbehave(always="500")
    with pytest.raises(TeacherError, match=r"2 requests in a row .* the last by HTTP 500"):
        ask(tmp_path, server.url, concurrency=1, max_retries=0)
    assert server.num_calls == 2


def test_no_server_at_all_is_an_error(tmp_path):
    with LoopbackServer() as server:
        gone = server.url
    with pytest.raises(TeacherError, match="not one of 4 answers could be had"):
        ask(tmp_path, gone, max_retries=0)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError, OSError])
def test_an_interruption_keeps_what_came(server, tmp_path, monkeypatch, interruption):
    answer, answered = Claims.answer, Counter()

    def interrupted(self, *arguments):
        answered["calls"] += 1
        if answered["calls"] == 3:
            raise interruption
        return answer(self, *arguments)

    monkeypatch.setattr(Claims, "answer", interrupted)
    with pytest.raises(interruption):
        ask(tmp_path, server.url, concurrency=1)
    monkeypatch.undo()
    assert len(ask(tmp_path, server.url)) == 4
    assert server.num_calls == 5  # three, of which the third was lost, and two
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"answered": 4, "unknown": 1}


def test_several_are_asked_at_once_but_not_more(server, tmp_path):
    many = [
        Problem(id=f"q{i}", dataset="d", split="train", question=f"Many {i}?", answer=i)
        for i in range(24)
    ]
    ask(tmp_path, server.url, many, concurrency=3)
    assert 2 <= server.most_at_once <= 3


def test_the_key_goes_to_the_server_and_nowhere_else(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TEACHER_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    ask(tmp_path, server.url, PROBLEMS[:1])
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    server.misbehave("401 with key")
    with pytest.raises(TeacherError, match=r"teacher\.api_key_env.*\[key\]") as error:
        ask(tmp_path, server.url)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"[key]" in written
    assert KEY.encode() not in written
    assert caplog.text
    assert KEY not in caplog.text
    assert KEY not in str(error.value)
    assert KEY not in repr(teacher(server.url))
    assert (tmp_path / FILE).exists()


def test_without_a_key_a_local_server_gets_a_placeholder(server, tmp_path):
    ask(tmp_path, server.url, PROBLEMS[:1])
    assert server.headers[0]["authorization"] == "Bearer EMPTY"


def test_without_a_key_nothing_is_sent_elsewhere(tmp_path):
    with pytest.raises(
        ValueError, match=r"variable TEACHER_KEY is not set, and https://api\.openai"
    ):
        ask(tmp_path, None)


@pytest.mark.parametrize(
    "url", ["https://me:secret@host/v1", "https://secret@host/v1", "https://host/v1?key=secret"]
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url):
    with pytest.raises(ValidationError, match="a URL with credentials") as error:
        teacher(url)
    assert "secret" not in str(error.value)


def test_a_url_of_the_environment_is_judged_as_well(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:secret@host/v1")
    with pytest.raises(ValueError, match="OPENAI_BASE_URL: a URL with credentials"):
        ask(tmp_path, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "localhost:8000"}, "got 'localhost:8000', expected http"),
        ({"extra": {"n": 2}}, "n cannot be set here"),
        ({"extra": {"seed": 3}}, "seed cannot be set here"),
        ({"num_shots": 99}, r"got 99, there are \d+ exemplars"),
        ({"temperature": 0, "num_paths": 3}, r"got 0 with num_paths 3; without sampling"),
        ({"temperature": float("nan")}, "finite number"),
        ({"num_paths": 0}, "greater than or equal to 1"),
        ({"mode": "slow"}, "Input should be 'online' or 'batch'"),
        ({"concurency": 3}, "Extra inputs are not permitted"),
    ],
)
def test_settings_out_of_range_are_refused_with_what_is_allowed(changes, message):
    with pytest.raises(ValidationError, match=message):
        teacher(**({"base_url": None} | changes))


def test_a_key_in_place_of_its_name_is_refused_and_not_repeated():
    with pytest.raises(ValidationError, match="the name of an environment variable") as error:
        teacher("http://127.0.0.1:1/v1", api_key_env=KEY)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://api.example.com:443/v1", "https://api.example.com/v1"),
        ("https://api.example.com:8443/v1", "https://api.example.com:8443/v1"),
        ("http://127.0.0.1:8123/v1", "http://127.0.0.1:8123/v1"),
        ("http://[::1]:8123/v1", "http://[::1]:8123/v1"),
    ],
)
def test_endpoint_identity(url, identity):
    assert endpoint_identity(url) == identity


def test_loopback_is_told_by_address_not_by_prefix():
    assert is_loopback("http://localhost:1/v1")
    assert is_loopback("http://127.9.9.9/v1")
    assert not is_loopback("http://127.0.0.1.example.com/v1")
    assert not is_loopback("http://localhost.example.com/v1")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "7", "retry-after-ms": "150"}, 0.15),
        ({"retry-after": "Fri, 01 Jan 2027 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 31 Dec 2026 23:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_s(headers, now=datetime(2027, 1, 1, tzinfo=UTC)) == seconds
