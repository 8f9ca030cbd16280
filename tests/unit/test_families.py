"""Each family gets the parameters it takes; what it does not take is left out and said."""

import pytest

from mdexp.teacher.families import call_body, family_of
from mdexp.teacher.refusals import parameter_fix
from mdexp.teacher.request import Request

OWN = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 64}
TURNS = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}]


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gpt-4o", OWN),
        ("some/Llama-3.1-8B-Instruct", OWN),
        ("gpt-oss-120b", OWN),
        ("gpt-5-mini", {"max_completion_tokens": 64, "reasoning_effort": "minimal"}),
        ("openai/gpt-5-2025-08-07", {"max_completion_tokens": 64, "reasoning_effort": "minimal"}),
        ("o4-mini", {"max_completion_tokens": 64, "reasoning_effort": "low"}),
        (
            "gpt-6.1-terra",
            {
                "temperature": 0.7,
                "top_p": 0.9,
                "max_completion_tokens": 64,
                "reasoning_effort": "none",
            },
        ),
        ("gpt-5.1-chat-latest", OWN),
        ("deepseek-reasoner", {"max_tokens": 64}),
    ],
)
def test_parameters_of_a_family(model, sent):
    assert family_of(model).settings(OWN, {}) == sent


def test_a_model_that_reasons_in_hiding_takes_no_temperature():
    family = family_of("gpt-5.4")
    assert family.settings(OWN, {"reasoning_effort": "high"}) == {
        "max_completion_tokens": 64,
        "reasoning_effort": "high",
    }


def test_extra_has_the_last_word_and_null_leaves_out():
    family = family_of("gpt-5")
    assert family.settings(OWN, {"reasoning_effort": None, "max_completion_tokens": 9}) == {
        "max_completion_tokens": 9
    }


def test_what_is_changed_is_said():
    notes = family_of("gpt-5").notes(OWN, {})
    assert notes[0] == "temperature=0.7 is left out: GPT-5 models do not take it"
    assert notes[1].startswith("top_p=0.9 is left out")
    assert notes[2].startswith("reasoning_effort=minimal is sent")
    assert len(notes) == 3
    assert family_of("gpt-5").notes({"max_tokens": 9}, {"reasoning_effort": "high"}) == []
    assert family_of("gpt-4o").notes(OWN, {}) == []


@pytest.mark.parametrize(
    ("model", "role"),
    [("gpt-4o", "system"), ("gpt-5", "developer"), ("google/gemma-2-9b-it", "user")],
)
def test_the_instruction_comes_in_the_role_that_the_model_knows(model, role):
    first = family_of(model).messages("Reason.", TURNS, None)[0]
    assert first["role"] == role
    assert first["content"].startswith("Reason.")


def test_without_a_system_role_the_instruction_stands_above_the_first_question():
    messages = family_of("gemma-2b-it").messages("Reason.", TURNS, None)
    assert messages == [{"role": "user", "content": "Reason.\n\nOne?"}, TURNS[1]]
    assert family_of("other").messages("Reason.", TURNS, "user") == messages
    assert family_of("gemma-2b-it").messages("R", TURNS, "system")[0]["role"] == "system"
    assert family_of("gemma-3-4b-it").messages("R", TURNS, None)[0]["role"] == "system"


def request(model, **changes):
    fields = {"endpoint": "e", "messages": TURNS, "settings": {"top_p": 0.9}}
    return Request(model=model, **(fields | changes))


def test_a_call_asks_for_n_where_it_may():
    assert call_body(request("gpt-4o"), 3, None) == {
        "model": "gpt-4o",
        "messages": TURNS,
        "top_p": 0.9,
        "n": 3,
    }
    assert "n" not in call_body(request("claude-sonnet-5"), 3, None)
    assert call_body(request("gpt-4o"), 1, 7)["seed"] == 7


def test_a_plain_completion_sends_a_prompt():
    body = call_body(request("base", messages=[], prompt="Question:"), 1, None)
    assert body == {"model": "base", "prompt": "Question:", "top_p": 0.9}


SENT = ("model", "messages", "max_tokens", "temperature", "n", "stop", "min_p")


@pytest.mark.parametrize(
    ("parameter", "message", "advice"),
    [
        (
            "max_tokens",
            "Unsupported parameter",
            "max_tokens: try teacher.max_tokens=null 'teacher.extra={max_completion_tokens: 512}'",
        ),
        (None, "Unsupported value: 'temperature' does not", "try teacher.temperature=null"),
        ("messages[0].role", "does not support 'system'", "try teacher.instruction_role=user"),
        (None, "System role not supported", "try teacher.instruction_role=user"),
        (None, "Unexpected keys in the request: {'min_p'}", "leave min_p out of teacher.extra"),
        (None, "`n` must be 1", "parameter n: try teacher.seed=0"),
    ],
)
def test_a_refused_parameter_is_named_with_the_fix(parameter, message, advice):
    assert advice in parameter_fix(parameter, message, SENT)


@pytest.mark.parametrize("message", ["the prompt is too long", "no 'top_p' in this model"])
def test_no_parameter_is_made_up(message):
    assert parameter_fix(None, message, SENT) is None


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("o4-mini", {"max_completion_tokens": 64, "reasoning_effort": "medium"}),
        ("gpt-5-mini", {"max_completion_tokens": 64, "reasoning_effort": "medium"}),
        ("gpt-6.1-terra", {"max_completion_tokens": 64, "reasoning_effort": "medium"}),
        ("deepseek-reasoner", {"max_tokens": 64}),
        ("qwen3-8b", OWN),
    ],
)
def test_a_family_is_asked_to_think(model, sent):
    assert family_of(model).settings(OWN, {}, thinks=True) == sent


def test_where_nothing_asks_to_think_it_is_said():
    [note] = family_of("qwen3-8b").notes({}, {}, thinks=True)
    assert "enable_thinking" in note
    assert family_of("qwen3-8b").notes({}, {}) == []
