"""A server whose model is not the trained student is refused, or its rows are marked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from mdexp.config.settings import SettingsError
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.served_probe import TOLERANCE, probe
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem
from mdexp.students.load import Loaded
from mdexp.students.prompts import Renderer
from mdexp.thoughts.cot import ChainOfThought
from tests.loopback import LoopbackServer, Reply
from tests.tiny_run import tiny

NUM_PLACES = 16
COT = ChainOfThought(instruction="", cue="Think.")
PROBLEM = Problem(id="p", dataset="toy", split="test", question="How many?", answer=9)


def loaded(seed: int) -> Loaded:
    """A tiny student with opinions: as it is initialised, all tokens are equally likely."""
    model, tokenizer = tiny("causal").load(seed)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(20)
    return model, tokenizer


def serving(model: Any) -> Any:
    """What a server of the model says: the greedy next token, with its log-probability."""

    def script(body: dict[str, Any]) -> Reply:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([body["prompt"]])).logits[0, -1]
        largest = float(torch.log_softmax(logits, -1).max())
        choice = {
            "index": 0,
            "text": " 9",
            "finish_reason": "stop",
            "logprobs": {"token_logprobs": [largest]},
        }
        reply = {"id": "c", "object": "text_completion", "created": 0, "model": body["model"]}
        return Reply(200, json.dumps({**reply, "choices": [choice]}))

    return script


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(answer=lambda prompt, number: " 9") as running:
        yield running


def solve(server: LoopbackServer, **options: Any) -> tuple[list[Any], DecodeStats]:
    """What the student's server wrote, asked twice, and the work that it was."""
    model, tokenizer = loaded(0)
    decoding = StraightDecoding(
        engine="openai",
        base_url=server.url,
        served="student",
        num_paths=0,
        temperature=0.7,
        max_new_tokens=9,
        top_p=1.0,
        batch_size=8,
        num_shots=0,
        num_validation=0,
        **options,
    )
    renderer = Renderer(tokenizer, "causal", "plain")
    writer = StudentWriter(model=model, renderer=renderer, phase="after", seed=0)
    given: Any = ([PROBLEM], {"cot": COT}, writer, None, {})
    first, second = decoding.solve(*given)[0], decoding.solve(*given)[0]
    return [*first, *second], writer.work


def test_the_trained_student_is_known_by_its_log_probabilities(server: LoopbackServer) -> None:
    server.script = serving(loaded(0)[0])
    outputs, work = solve(server)
    assert not any(output.unverified for output in outputs)
    said = "the server's model is taken for the trained student"
    assert work.counts()["served_model"].startswith(said)
    assert server.num_calls == NUM_PLACES + 2, "probed once"
    assert {body["max_tokens"] for body in server.bodies[:NUM_PLACES]} == {1}


def test_another_model_is_refused_before_it_is_asked_anything(server: LoopbackServer) -> None:
    server.script = serving(loaded(1)[0])
    with pytest.raises(SettingsError, match=r"decoding.served: student at .* another model than"):
        solve(server)
    assert server.num_calls == NUM_PLACES


def test_another_model_is_marked_where_that_is_asked_for(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = serving(loaded(1)[0])
    outputs, _ = solve(server, on_other_model="mark")
    for output in outputs:
        assert f"and {TOLERANCE} are allowed" in output.unverified
        assert output.unverified in caplog.text, "said at once"


def test_a_server_without_log_probabilities_is_marked(server: LoopbackServer) -> None:
    server.logprobs = None
    outputs, _ = solve(server)
    for output in outputs:
        assert output.unverified.startswith("the server gives no log-probabilities")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_server_may_compute_in_half_the_bits(server: LoopbackServer, dtype: Any) -> None:
    server.script = serving(tiny("causal").load(0)[0].to(dtype))
    model, tokenizer = tiny("causal").load(0)
    renderer = Renderer(tokenizer, "causal", "plain")
    from mdexp.decoding.server import ask_server

    def ask(requests: Any, limits: Any) -> list[Any]:
        answers = dict(ask_server([server.url], "student", renderer, requests, limits))
        return [answers[i] for i in range(len(requests))]

    found = probe(model, renderer, ask)
    assert found.is_same and found.difference


def test_what_says_nothing_of_a_server_has_the_keys_of_before() -> None:
    given: dict[str, Any] = {"engine": "local", "base_url": None, "served": None, "num_paths": 0}
    rest = {"temperature": 0.7, "top_p": 1.0, "max_new_tokens": 9, "batch_size": 8}
    decoding = StraightDecoding(**given, **rest, num_shots=0, num_validation=0)
    assert "on_other_model" not in decoding.model_dump()
