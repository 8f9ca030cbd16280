"""Texts that go on in a session say what they say when they are read from the beginning."""

import random

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.session import EMPTY, Session
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem, ProgramResult
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts.kpdd import KeyPoints
from mdexp.thoughts.pot import ProgramOfThought
from tests.tiny_run import straight
from tests.unit.test_rows import GROUPED, STUDENTS

LIMITS = DecodingLimits(max_new_tokens=9, temperature=0.9, batch_size=3)
SIZE = 50
RENDERER = Renderer(byte_tokenizer(), "causal", "plain")


def varied(name):
    """A random student whose texts differ."""
    torch.manual_seed(0)
    model = STUDENTS[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return model.double().eval()


@pytest.fixture(params=STUDENTS)
def model(request):
    return varied(request.param)


def request(prompt, name, sample=1):
    return DecodingRequest(
        prompt_ids=prompt, problem=name[0], stop=lambda text: None, sample=sample, stream=name
    )


def alone(model, requests):
    found = dict(generate_answers(model, RENDERER, requests, LIMITS))
    return [found[i].token_ids for i in range(len(requests))]


def prompts(number):
    dice = random.Random(number)
    return [[dice.randrange(4, SIZE) for _ in range(dice.randrange(12, 20))] for _ in range(4)]


def written(session, requests, texts):
    found = session.write(requests, texts, LIMITS)
    return [answered.token_ids for answered, _ in found], [text for _, text in found]


def read_tokens(model):
    """The widths of what the model reads at a time, as it goes."""
    widths = []
    embeddings = model.get_input_embeddings()
    embeddings.register_forward_hook(lambda *seen: widths.append(seen[1][0].numel()))
    return widths


@torch.inference_mode()
def test_texts_fork_are_trimmed_and_go_on(model):
    session = Session(model, RENDERER, DecodeStats())
    first = [request(p, f"{n}a") for n, p in enumerate(prompts(0))]
    ids, texts = written(session, first, [EMPTY] * 4)
    assert ids == alone(model, first)
    for turn in range(3):
        before = [list(text.ids) for text in texts]
        # Text 0 goes on twice, 2 from its first half, 3 not at all, 1 after further tokens.
        then = [before[0], before[0], before[2][: len(before[2]) // 2], [*before[1], 7, 8, 9]]
        parents = [texts[0], texts[0], texts[2], texts[1]]
        on = [request(p, f"{n}/{turn}") for n, p in enumerate(then)]
        ids, new = written(session, on, parents)
        assert ids == alone(model, on)
        texts = [*new[:3], texts[3]]  # the last one is parked
    last = request([*texts[3].ids, 5], "3/last")
    assert written(session, [last], [texts[3]])[0] == alone(model, [last])


def test_what_was_read_is_not_read_again(model):
    session = Session(model, RENDERER, DecodeStats())
    one = request([*range(5, 25)], "a")
    _, [text] = written(session, [one], [EMPTY])
    widths = read_tokens(model)
    on = request([*text.ids, 7], "b")
    written(session, [on], [text])
    assert widths[0] == 2, "the last token, which was drawn and not read, and the new one"
    assert text.num_read == len(text.ids) - 1


def test_requests_that_draw_alike_are_one_row_until_they_part(model):
    work = DecodeStats()
    same = [request([*range(5, 25)], f"p{n}", sample=0) for n in range(2)]
    ids, _ = written(Session(model, RENDERER, work), same, [EMPTY] * 2)
    assert ids[0] == ids[1] == alone(model, same[:1])[0]
    assert work.row_steps == len(ids[0])


def test_a_student_that_cannot_share_reads_again_and_that_is_counted():
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=20)).double().eval()
    work = DecodeStats()
    session = Session(model, RENDERER, work)
    first = request([*range(5, 30)], "a")
    _, [text] = written(session, [first], [EMPTY])
    on = request([*text.ids, 7], "b")
    assert written(session, [on], [text])[0] == alone(model, [on])
    assert (text.num_read, work.counts()["texts_read_again"]) == (0, 1)


def test_a_text_beyond_the_positions_goes_on_with_nothing_and_is_counted(model, monkeypatch):
    monkeypatch.setattr(model.config, "max_position_embeddings", 26)
    work = DecodeStats()
    session = Session(model, RENDERER, work)
    first = [request([*range(5, 5 + n)], f"{n}") for n in (12, 20)]
    ids, texts = written(session, first, [EMPTY] * 2)
    assert [len(found) for found in ids] == [9, 6]
    then = [request([*text.ids, 7], f"{n}/on") for n, text in enumerate(texts)]
    ids, after = written(session, then, texts)
    assert ids == [alone(model, then[:1])[0], []]
    assert after[1].ids == tuple(then[1].prompt_ids)
    assert work.counts()["prompts_beyond_the_students_positions"] == 1


class Nothing:
    """An executor in which no program prints anything."""

    def run(self, programs):
        return [ProgramResult(status="no_answer") for _ in programs]


def test_a_thought_of_several_texts_is_written_as_without_a_session(monkeypatch):
    pot = ProgramOfThought(instruction="", cue="Write a program.")
    points = KeyPoints(
        instruction="",
        cue="Extract the core question.",
        hints_cue="List what helps.",
        teacher="derived",
        inner=pot,
        inner_name="pot",
    )
    torch.manual_seed(0)
    sizes = GROUPED | {"vocab_size": len(RENDERER.tokenizer), "max_position_embeddings": 2048}
    config = type(STUDENTS["llama"]().config)(**sizes)
    model = type(STUDENTS["llama"]())(config).double().eval()
    decoding = straight(max_new_tokens=600, batch_size=3)
    problems = [
        Problem(id=f"p{n}", dataset="toy", split="test", question="How many?" * (n + 1), answer=n)
        for n in range(2)
    ]
    monkeypatch.setattr("mdexp.thoughts.kpdd._one_paragraph", lambda text: text[:5] or None)
    thoughts = {"kpdd": points, "pot": pot}

    def outputs():
        work = DecodeStats()
        writer = StudentWriter(model=model, renderer=RENDERER, phase="after", seed=0, work=work)
        found = answer(writer, problems, thoughts, decoding=decoding, executor=Nothing())
        return found, work

    kept, work = outputs()
    write = Session.write
    monkeypatch.setattr(
        Session,
        "write",
        lambda self, asked, texts, limits: write(self, asked, [EMPTY] * len(texts), limits),
    )
    again, _ = outputs()
    assert kept == again
    assert any(len([s for s in o.segments if s.author == "writer"]) == 3 for o in kept)
    assert work.read_again == 0
