"""A server's completions are taken as the student's own; the server is on this machine."""

import pytest
from torch.nn import Module

from mdexp.decoding.answering import answer
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.server import ServerError, ask_server, seed
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import CHAT_TEMPLATE, byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from tests.loopback import LoopbackServer

RENDERER = Renderer(byte_tokenizer(), "causal", "plain")
COT = ChainOfThought(instruction="", cue="Think.")
LIMITS = DecodingLimits(max_new_tokens=40, temperature=0.7, top_p=0.9, batch_size=2)


def complete(text):
    """Up to the sentence that states the answer, once the next line begins."""
    said, ends, rest = text.partition("The answer is 9.")
    return said + ends if ends and rest else None


def written(prompt, number):
    return f"{RENDERER.text(prompt)} is 9.\nThe answer is 9.\nQ:"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with LoopbackServer(answer=written) as running:
        yield running


def requests(number=3):
    return [
        DecodingRequest(
            prompt_ids=RENDERER.prompt_ids(f"q{sample}"),
            problem="p",
            stop=complete,
            sample=sample,
            stream=f"0/p/cot/{sample}",
        )
        for sample in range(number)
    ]


def test_token_ids_go_out_and_texts_come_back_in_order(server):
    found = list(ask_server([server.url], "student", RENDERER, requests(), LIMITS))
    assert [index for index, _ in found] == [0, 1, 2]
    assert [a.text for _, a in found] == [f"q{i} is 9.\nThe answer is 9." for i in range(3)]
    assert [a.num_tokens for _, a in found] == [3, 3, 3]
    assert [a.logprob for _, a in found] == [pytest.approx(-0.5)] * 3
    bodies = sorted(server.bodies, key=lambda body: body["prompt"])
    assert [body["prompt"] for body in bodies] == [list(r.prompt_ids) for r in requests()]
    assert [body["temperature"] for body in bodies] == [0.0, 0.7, 0.7]
    assert [body["top_p"] for body in bodies] == [1.0, 0.9, 0.9]
    assert [body["seed"] for body in bodies] == [seed(r.stream) for r in requests()]
    assert {(body["model"], body["max_tokens"]) for body in bodies} == {("student", 40)}
    assert server.most_at_once <= LIMITS.batch_size


@pytest.mark.parametrize(
    ("told", "mean"),
    [
        ({"token_logprobs": None, "content": [{"logprob": -0.25}, {"logprob": -0.75}]}, -0.5),
        ({"token_logprobs": [None, -0.5]}, -0.5),
        (None, None),
    ],
    ids=["as llama.cpp", "none of the first", "none at all"],
)
def test_log_probabilities_in_every_form_that_servers_give_them(server, told, mean):
    server.logprobs = told
    [(_, found)] = ask_server([server.url], "student", RENDERER, requests(1), LIMITS)
    assert found.logprob == mean


def test_what_the_budget_ended_is_unfinished_unless_its_thought_says_whole(server):
    server.finish_reason = "length"
    server.answer = lambda prompt, number: "It is"
    [(_, cut)] = ask_server([server.url], "student", RENDERER, requests(1), LIMITS)
    assert (cut.text, cut.finished) == ("It is", False)
    server.answer = written
    [(_, whole)] = ask_server([server.url], "student", RENDERER, requests(1), LIMITS)
    assert whole.finished


def test_a_server_that_stumbles_is_asked_again(server):
    server.misbehave("500")
    [(_, found)] = ask_server([server.url], "student", RENDERER, requests(1), LIMITS)
    assert found.finished and server.num_calls == 2


@pytest.mark.parametrize("fault", ["404", "400", "no choices", "401 with key"])
def test_what_cannot_be_had_says_who_was_asked_and_keeps_the_key(server, fault):
    server.misbehave(always=fault)
    with pytest.raises(ServerError, match=r"decoding.base_url=http://127.0.0.1.*student") as error:
        list(ask_server([server.url], "student", RENDERER, requests(1), LIMITS))
    assert "sk-secret" not in str(error.value)


def test_a_seq2seq_student_has_no_tokens_to_continue():
    renderer = Renderer(byte_tokenizer(), "seq2seq", "plain")
    with pytest.raises(ValueError, match=r"engine=openai .* seq2seq .*engine=local"):
        list(ask_server(["http://127.0.0.1:1/v1"], "student", renderer, requests(1), LIMITS))


def decoding(server, **options):
    given = {"engine": "openai", "base_url": server.url, "served": "student"}
    numbers = {"num_paths": 1, "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 9}
    rest = {"batch_size": 8, "num_shots": 0, "num_validation": 0}
    return StraightDecoding(**given | numbers | rest | options)


def test_a_trained_student_is_asked_of_its_server(server):
    problem = Problem(id="p", dataset="toy", split="test", question="How many?", answer=9)
    writer = StudentWriter(model=Module(), renderer=RENDERER, phase="after", seed=0)
    outputs = answer(writer, [problem], {"cot": COT}, decoding=decoding(server), executor=None)
    assert [(o.sample, o.finished, o.num_tokens, o.logprob) for o in outputs] == [
        (0, True, 3, -0.5),
        (1, True, 3, -0.5),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"served": None}, "engine=openai needs base_url and served"),
        ({"engine": "local"}, "engine=local reads no base_url and no served"),
    ],
)
def test_an_engine_and_its_keys_go_together(server, options, said):
    with pytest.raises(ValueError, match=said):
        decoding(server, **options)


def test_the_stopping_rule_waits_for_the_end_of_thinking_that_the_prompt_opens(server):
    """The output begins with the tag that its prompt holds: alone it would be read as an answer."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE.replace("'assistant: '", "'assistant: <think>\n'")
    written = "Perhaps the answer is 8.\nNo.\n</think>\nThe answer is 9.\nQuestion: next?"
    server.answer = lambda ids, number: written
    problem = Problem(id="p", dataset="toy", split="test", question="How many?", answer=9)
    renderer = Renderer(tokenizer, "causal", "chat")
    writer = StudentWriter(model=Module(), renderer=renderer, phase="after", seed=0)
    [output] = answer(
        writer, [problem], {"cot": COT}, decoding=decoding(server, num_paths=0), executor=None
    )
    assert output.text == "<think>\nPerhaps the answer is 8.\nNo.\n</think>\nThe answer is 9."
