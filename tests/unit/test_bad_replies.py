"""Whatever a server sends back for one prompt costs at most that prompt: the others are bought, the
ledger's books are closed, and a mended server completes what is missing."""

import gzip
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.teacher import batch_collection, retry
from mdexp.teacher.command_id import new_command
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.prices import Price
from mdexp.teacher.refusals import judge_prompt
from mdexp.teacher.reply import BrokenReply, read_error, read_reply
from mdexp.teacher.retry import Filtered, SetAside, TeacherError, Unanswered
from mdexp.thoughts.cot import ChainOfThought
from tests import buyer
from tests.loopback import LoopbackServer, Reply

COT = ChainOfThought(instruction="Reason.", cue="Think.")
PRICE = Price(input=1, output=1)
BAD = "Question 1?"
HUGE = "9" * 5000
DEEP = "[" * 100_000


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(batch_collection, "POLL_S", 0.01)
    with LoopbackServer() as running:
        yield running


def ask(ledger, server, number=3, **changes):
    given = {"concurrency": 2, "max_retries": 1, "price": PRICE, "budget_usd": 1.0}
    with new_command():
        asked = buyer.problems(number)
        return list(
            buyer.teacher(server.url, **given | changes).paths(
                asked, {"cot": COT}, ledger, buyer.NO_PROGRAMS
            )
        )


def to_one(reply):
    """A script that answers one problem's prompt with `reply`."""
    return lambda body: reply if BAD in json.dumps(body) else None


def message(content="It is 1.", finish_reason="stop", usage=None, **fields):
    choice = {"message": {"content": content, **fields}, "finish_reason": finish_reason}
    given = {"prompt_tokens": 7, "completion_tokens": 3} if usage is None else usage
    return {"choices": [choice], "usage": given, "model": "large"}


def ok(body):
    return Reply(200, body if isinstance(body, str | bytes) else json.dumps(body))


def error(status, said="no", **fields):
    return Reply(status, json.dumps({"error": {"message": said, **fields}}))


CALL = [{"function": {"name": "add", "arguments": "{}"}}]
# An answer is in these: only what stands beside it is odd.
ODD = {
    "usage a text": ok(message(usage="7")),
    "usage a list": ok(message(usage=[1])),
    "usage of nulls": ok(message(usage={"prompt_tokens": None, "completion_tokens": None})),
    "usage of texts": ok(message(usage={"prompt_tokens": "7", "completion_tokens": "3"})),
    "usage negative": ok(message(usage={"prompt_tokens": -7, "completion_tokens": 3})),
    "usage NaN": ok(message(usage={"prompt_tokens": float("nan"), "completion_tokens": 1})),
    "usage infinite": ok(message(usage={"prompt_tokens": float("inf"), "completion_tokens": 1})),
    "usage beyond 64 bits": ok(message(usage={"prompt_tokens": 2**70, "completion_tokens": 1})),
    "total beyond 64 bits": ok(
        message(usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 2**70})
    ),
    "total a text": ok(
        message(usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": "10"})
    ),
    "usage of booleans": ok(message(usage={"prompt_tokens": True, "completion_tokens": True})),
    "usage of 5,000 digits": ok(json.dumps(message()).replace('ns": 7', f'ns": {HUGE}')),
    "another field of 5,000 digits": ok(
        json.dumps(message() | {"created": 0}).replace('created": 0', f'created": {HUGE}')
    ),
    "model a list": ok(message() | {"model": ["large"]}),
    "fingerprint a number": ok(message() | {"system_fingerprint": 7}),
    "finish reason a list": ok(message(finish_reason=["stop"])),
    "finish reason null": ok(message(finish_reason=None)),
    "half a surrogate pair": ok(json.dumps(message() | {"system_fingerprint": "\ud83d"})),
    "half a surrogate pair in the model": ok(json.dumps(message() | {"model": "\ud83d"})),
    "half a surrogate pair in the answer": ok(json.dumps(message("It is 1 \ud83d."))),
    "parts": ok(message([{"type": "text", "text": "It is 1."}])),
    "parts of which one is null": ok(message([None, {"type": "text", "text": "It is 1."}])),
    "reasoning a list": ok(message(reasoning_content=["a"])),
    "tool calls beside an answer": ok(message(tool_calls=CALL)),
    "control signs": ok(message("It is \x1b[2J\x00 1.")),
    "a byte order mark": ok(b"\xef\xbb\xbf" + json.dumps(message()).encode()),
    "bytes that are no UTF-8": ok(json.dumps(message("It is X.")).encode().replace(b"X", b"\xff")),
    "charset utf-16": Reply(200, json.dumps(message()), "application/json; charset=utf-16"),
    "charset idna": Reply(200, json.dumps(message()), "application/json; charset=idna"),
    "charset of nobody": Reply(200, json.dumps(message()), "text/plain; charset=none-such"),
    "a choice of null beside an answer": ok(message() | {"choices": [None, *message()["choices"]]}),
}
# No answer is in these, and another time there may be.
EMPTY = {
    "null": ok(message(None)),
    "empty": ok(message("")),
    "blank": ok(message(" \n")),
    "no parts": ok(message([])),
    "a number": ok(message(12)),
    "thinking alone": ok(message("", reasoning_content="It is 1.")),
    "a tool call": ok(message(None, "tool_calls", tool_calls=CALL)),
    "an error": ok(message("It", "error")),
    "choices null": ok({"choices": None}),
    "choices an object": ok({"choices": {}}),
    "choices of null": ok({"choices": [None]}),
    "choices of lists": ok({"choices": [[]]}),
    "message a list": ok({"choices": [{"message": []}]}),
    "an error with status 200": ok({"error": {"message": "overloaded"}}),
    "a list": ok("[]"),
    "nothing": ok(""),
    "a number alone": ok("7"),
    "deep": ok(DEEP),
    "deep choices": ok(f'{{"choices": {DEEP}'),
    "more behind the end": ok(json.dumps(message()) + "}"),
    "no gzip": Reply(200, "x", Content_Encoding="gzip"),
    "utf-16": ok(json.dumps(message()).encode("utf-16")),
    "a reply without end": Reply(
        200, gzip.compress(b" " * 2**26, compresslevel=1), Content_Encoding="gzip"
    ),
    "too long": error(400, "This model's maximum context length is 4096 tokens. However, you"),
    "too long, by parameter": error(
        400,
        "'max_tokens' is too large: 512. This model's maximum context length is 4096 tokens",
        param="max_tokens",
    ),
    "too long, by code": error(400, "no", code="context_length_exceeded", param="messages"),
    "too long for llama.cpp": error(
        400, "the request exceeds the available context size", type="exceed_context_size_error"
    ),
    "too long for HTTP": Reply(413, "<html>Request Entity Too Large</html>", "text/html"),
    "refused without a word": Reply(400, ""),
    "refused in a text": Reply(400, "no", "text/plain; charset=idna"),
    "refused by a code in a list": error(400, "no", code=["a"], type={"b": 1}),
    "refused by a message in a list": error(400, ["no"]),
    "refused by 5,000 digits": Reply(400, f'{{"error": {{"code": {HUGE}}}}}'),
    "refused in depth": Reply(400, DEEP),
    "refused with half a surrogate pair": error(400, "no \ud83d"),
    "refused by details": Reply(422, json.dumps({"detail": [{"loc": ["body"], "msg": "no"}]})),
    "server error with a code in a list": error(500, "no", code=["a"]),
}
# The server will never answer these.
FINAL = {
    "a refusal": ok(message(None, refusal="I cannot help with that.")),
    "a refusal in parts": ok(message([{"type": "refusal", "refusal": "No."}])),
    "a filtered answer": ok(message("", "content_filter")),
    "a filtered prompt": error(400, "no", code="content_filter"),
    "a flagged prompt": error(400, "Your prompt was flagged", code="invalid_prompt"),
    "a flagged prompt of 403": error(403, "Your input was flagged"),
    "a prompt that is inspected": error(400, "no", type="data_inspection_failed"),
}
assert len(ODD | EMPTY | FINAL) >= 60


def books(folder):
    """States of calls, and what is reserved or counted where it must not be."""
    with Ledger(folder) as ledger:
        reserved, spent = ledger.db.execute(
            "SELECT sum(reserved_micro_usd), sum(spent_micro_usd) FROM budgets"
        ).fetchone()
        return ledger.states(), reserved, spent


@pytest.mark.parametrize("name", ODD)
def test_an_answer_is_taken_whatever_stands_beside_it(name, server, tmp_path):
    server.script = to_one(ODD[name])
    paths = ask(tmp_path, server)
    assert [path.problem_id for path in paths] == ["p0", "p1", "p2"]
    assert paths[1].text.startswith("It is ")
    paths[1].text.encode()
    states, reserved, spent = books(tmp_path)
    assert (states, reserved) == ({"answered": 3}, 0)
    assert spent >= 30
    assert server.num_calls == 3


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_no_answer_costs_that_prompt_alone_and_is_asked_for_again(
    name, server, tmp_path, caplog
):
    server.script = to_one(EMPTY[name])
    with caplog.at_level(logging.INFO):
        assert [path.problem_id for path in ask(tmp_path, server)] == ["p0", "p2"]
    assert "2 of 3 answers bought" in caplog.text
    assert "1 of 3 answers could not be had" in caplog.text
    caplog.text.encode()
    states, reserved, _ = books(tmp_path)
    assert ("open" in states, reserved) == (False, 0)
    server.script = lambda body: None
    assert len(ask(tmp_path, server)) == 3
    assert sum(server.num_choices.values()) == 3


@pytest.mark.parametrize("name", FINAL)
def test_what_is_refused_is_not_bought_and_not_asked_for_again(name, server, tmp_path, caplog):
    server.script = to_one(FINAL[name])
    with caplog.at_level(logging.INFO):
        paths = ask(tmp_path, server)
    assert [path.text == "" for path in paths] == [False, True, False]
    assert paths[1].finish_reason in ("refusal", "content_filter")
    assert "2 of 3 answers bought" in caplog.text
    assert "refused 1" in caplog.text
    server.script = lambda body: None
    assert ask(tmp_path, server) == paths
    assert server.num_calls == 3


@pytest.mark.parametrize("name", ["too long", "a refusal", "null", "refused by details"])
def test_by_batch_too(name, server, tmp_path):
    server.script = to_one((EMPTY | FINAL)[name])
    paths = ask(tmp_path, server, mode="batch", budget_usd=None)
    assert [path.problem_id for path in paths if path.text] == ["p0", "p2"]
    assert len(server.batches.batches) == 1
    assert "open" not in books(tmp_path)[0]
    server.script = lambda body: None
    number = 3 if name != "a refusal" else 2
    assert sum(bool(p.text) for p in ask(tmp_path, server, mode="batch", budget_usd=None)) == number


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("null", "empty answers"),
        ("a tool call", "tool calls"),
        ("an error", "errors in place of answers"),
        ("too long", "prompts too long"),
        ("refused without a word", "prompts refused"),
        ("a reply without end", "replies too long"),
    ],
)
def test_each_kind_is_counted_and_said(name, kind, server, tmp_path, caplog):
    server.script = to_one(EMPTY[name])
    with caplog.at_level(logging.INFO):
        ask(tmp_path, server)
    assert f"{kind} 1" in caplog.text
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any(kind in line for line in warned)


def test_an_empty_answer_among_several_is_asked_for_again_at_once(server, tmp_path):
    two = message() | {"choices": [*message()["choices"], *message("")["choices"]]}
    replies = [ok(two)]
    server.script = lambda body: replies.pop() if replies else None
    assert len(ask(tmp_path, server, 1, num_paths=2)) == 2
    assert [body.get("n") for body in server.bodies] == [2, None]


def test_many_refused_prompts_hold_up_no_other(server, tmp_path, monkeypatch):
    """Also where they come first, as the longest do in a sorted file."""
    long = [f"Question {i}?" for i in range(30)]
    server.script = lambda body: (
        EMPTY["too long"] if body["messages"][-1]["content"].split("\n")[0] in long else None
    )
    assert len(ask(tmp_path, server, 100)) == 70


def test_a_server_that_refuses_every_prompt_is_not_asked_for_each(server, tmp_path):
    server.script = lambda body: Reply(400, "no")
    with pytest.raises(TeacherError, match=r"not one of the first 2\d prompts was answered: .*no"):
        ask(tmp_path, server, 100)
    assert server.num_calls < 30


def test_a_server_that_gives_empty_answers_only_is_not_asked_for_each(server, tmp_path):
    server.script = lambda body: EMPTY["null"]
    with pytest.raises(TeacherError, match=r"20 requests in a row .* empty answers"):
        ask(tmp_path, server, 100)
    assert server.num_calls < 30


@pytest.mark.parametrize("name", ["too long", "too long, by parameter", "too long, by code"])
def test_the_advice_fits_a_prompt_that_is_too_long(name):
    sent = {"max_tokens": 512, "messages": []}
    judged = judge_prompt(400, read_error(EMPTY[name].text), {}, sent)
    assert isinstance(judged, SetAside)
    assert "fewer exemplars (teacher.num_shots)" in str(judged)
    assert "instruction_role" not in str(judged)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "Unsupported parameter: 'max_tokens'", TeacherError),
        (422, "body.top_k: extra_forbidden", TeacherError),
        (401, "Wrong key", TeacherError),
        (403, "Not your model", TeacherError),
        (402, "flagged: no credit", TeacherError),
        (429, "context length", Unanswered),
        (400, "Content Exists Risk", Filtered),
        (400, "prompt is too long: 9000 tokens > 8000 maximum", SetAside),
        (400, "The input token count (9) exceeds the maximum number of tokens allowed", SetAside),
        (400, "`inputs` tokens + `max_new_tokens` must be <= 4096", SetAside),
    ],
)
def test_whom_a_refusal_concerns(status, said, kind):
    found = judge_prompt(status, read_error(json.dumps({"error": {"message": said}})), {}, {"n": 1})
    assert type(found) is kind


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "no", "code": 7, "type": "bad", "param": "n"}},
        [{"error": {"message": "no", "code": 7, "type": "bad", "param": "n"}}],
        {"message": "no", "code": 7, "type": "bad", "param": "n"},
    ],
)
def test_an_error_is_read_in_each_form(said):
    assert read_error(json.dumps(said)) == ("no", ("7", "bad"), "n")
    assert read_error('{"error": "no"}') == ("no", (), "")
    assert read_error(" no ") == ("no", (), "")


def test_a_reply_that_drips_ends_with_its_time(server, tmp_path, caplog):
    server.script = to_one(Reply(200, json.dumps(message()), pause_s=0.1))
    with caplog.at_level(logging.INFO):
        assert len(ask(tmp_path, server, timeout_s=0.5, max_retries=0)) == 2
    assert "time-out 1" in caplog.text


def test_a_long_reply_is_not_read_to_its_end(server, tmp_path, monkeypatch):
    from mdexp.teacher import bounded_http

    monkeypatch.setattr(bounded_http, "MAX_REPLY_BYTES", 1000)
    server.script = to_one(ok(message("It is 1." * 200)))
    assert [path.problem_id for path in ask(tmp_path, server)] == ["p0", "p2"]
    states, _, _ = books(tmp_path)
    assert states == {"answered": 2, "unknown": 1}


THOUGHT = {
    "reasoning": message(reasoning="Hm."),
    "reasoning_content": message(reasoning_content="Hm."),
    "both": message(reasoning="Hm.", reasoning_content="Hm."),
    "parts": message(
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "text", "text": "It is 1."},
        ]
    ),
    "a plain part": message(
        [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "It is 1."}]
    ),
}


@pytest.mark.parametrize("form", THOUGHT)
def test_thinking_that_comes_apart_is_kept_beside_the_text(form, server, tmp_path):
    server.script = to_one(ok(THOUGHT[form]))
    first = ask(tmp_path, server)
    assert [(path.text, path.thinking) for path in first][1] == ("It is 1.", "Hm.")
    assert first[0].thinking == ""
    server.script = lambda body: None
    assert ask(tmp_path, server, thinking="drop") == first
    assert server.num_calls == 3


def test_thinking_of_equal_texts_is_not_mixed_up(server, tmp_path):
    choices = [
        {"message": {"content": text, "reasoning": thinking}, "finish_reason": "stop"}
        for text, thinking in [("It is 1.", "a"), ("It is 2.", "b"), ("It is 1.", "c")]
    ]
    server.script = lambda body: ok({"choices": choices})
    paths = ask(tmp_path, server, 1, num_paths=3)
    assert [(path.text[-2], path.thinking) for path in paths] == [
        ("1", "a"),
        ("2", "b"),
        ("1", "c"),
    ]


def test_a_cut_off_answer_may_be_thinking_alone(server, tmp_path):
    server.script = to_one(ok(message(None, "length", reasoning="Hm")))
    path = ask(tmp_path, server)[1]
    assert (path.text, path.thinking, path.finish_reason) == ("", "Hm", "length")


@pytest.mark.parametrize(("use", "limit"), [("drop", 64), ("keep", 164), ("only", 164)])
def test_thinking_has_room(use, limit, server, tmp_path):
    ask(tmp_path, server, 1, thinking=use, max_thinking_tokens=100)
    assert server.bodies[0]["max_tokens"] == limit


@pytest.mark.parametrize("model", ["gpt-5", "o1-mini", "gpt-6.1-terra", "o4-mini"])
def test_hidden_thinking_is_not_asked_for(model, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ValueError, match=r"got keep, but api\.openai\.com does not send what"):
        buyer.teacher(None, model=model, thinking="keep")
    buyer.teacher(None, model=model)
    buyer.teacher("http://127.0.0.1:1/v1", model=model, thinking="keep")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("choices", "message", "content", "text", "type", "thinking", "finish_reason"),
                    *("usage", "prompt_tokens", "completion_tokens", "model", "error", "refusal"),
                    *("reasoning", "tool_calls", "code", "param", "system_fingerprint"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@given(JSON, JSON)
def test_any_json_is_a_reply_or_a_broken_one(value, item):
    for body in (value, {"choices": [item], "usage": value}, {"choices": [{"message": value}]}):
        raw = json.dumps(body)
        try:
            reply = read_reply(raw)
        except BrokenReply:
            continue
        assert reply.num_choices
        texts = [reply.model, reply.raw, reply.fingerprint or "", *reply.without_answer]
        texts += [part for c in reply.choices for part in (c.text, c.thinking, c.finish_reason)]
        "".join(texts).encode()
        assert all(0 <= count < 2**63 for count in (reply.usage or {}).values())


@given(JSON, st.integers(300, 599), st.text(max_size=20))
def test_any_error_is_judged(value, status, header):
    said = read_error(json.dumps({"error": value}))
    judged = judge_prompt(status, said, {"retry-after": header}, {"n": 1})
    assert isinstance(judged, TeacherError | Unanswered | Filtered | SetAside)
    str(judged).encode()


@pytest.mark.parametrize("raw", ["<html>", DEEP, '{"choices": [1, "a", null, {}, []]}'])
def test_a_reply_without_a_choice_is_broken(raw):
    with pytest.raises(BrokenReply):
        read_reply(raw)
