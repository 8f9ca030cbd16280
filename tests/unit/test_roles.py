"""Separate roles: an adapter for each, which learns and writes the texts of that role alone."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from mdexp.decoding.answering import answer
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.lessons.roles import with_roles
from mdexp.ports import Done, Write, roles_of
from mdexp.records import ONLY_ROLE, Example, Lesson, Output, Problem
from mdexp.students.adapters import adapted
from mdexp.students.load import save_folder
from mdexp.students.prompts import Renderer
from mdexp.students.roles import activate, roles_in, trained_adapters
from mdexp.students.weights import Weights
from mdexp.training.checkpoint_student import student_of_checkpoint
from mdexp.training.examples import make_examples
from mdexp.training.fit import CHECKPOINTS, fit
from mdexp.training.layout import lay_out
from mdexp.training.module import MixedDistillation
from mdexp.training.objective import example_weights
from mdexp.training.objectives.union import UnionObjective
from mdexp.transcripts.opening import new_transcript
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, tiny, trainer

SCI_COT = plugin("thought", "sci_cot")
ROLES = SCI_COT.roles
UNION = UnionObjective(normalize="token", pairing="any")
KINDS = pytest.mark.parametrize("kind", ["causal", "seq2seq"])


def lessons() -> list[Lesson]:
    made = []
    for number in range(4):
        start = new_transcript(f"Ann has {number + 3} bags of 4 pens. How many pens?")
        done = Done(
            text=f"{number + 3} * 4 = {4 * number + 12}.", answer=4 * number + 12, status="ok"
        )
        lesson = Lesson(
            id=f"p{number}/sci_cot/0",
            problem_id=f"p{number}",
            thought="sci_cot",
            sample=0,
            segments=SCI_COT.lesson(start, done),
            sources=("cot/0",),
        )
        made.append(with_roles(lesson, SCI_COT))
    return made


def examples(student, made=None) -> list[Example]:
    renderer = Renderer(student.tokenizer(), student.kind, student.prompt)
    found, unused = make_examples(lessons() if made is None else made, renderer, 512)
    assert not unused
    return found


def stirred(model):
    """Adapters that matter: peft's begin as nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for name, parameter in sorted(model.named_parameters()):
            if "lora_" in name:
                parameter.data = torch.randn_like(parameter) / 10
    return model


def gradients(student, model, step, layout, roles=()) -> dict[str, torch.Tensor]:
    """Of the trained parameters, after one step of the training's own module."""
    plain = model.get_base_model().train()
    adapters = trained_adapters(model, roles)
    module = MixedDistillation(plain, student.kind, trainer(), 1, adapters=adapters)
    module.manual_backward = lambda loss: loss.backward()
    module._trainer = type("One", (), {"world_size": 1})()
    weights = dict(zip(map(id, step), example_weights(step, None, "token"), strict=True))
    batches = lay_out(
        step,
        None,
        kind=student.kind,
        layout=layout,
        weigh=lambda some, shares: [weights[id(one)] for one in some],
        micro_batch_tokens=512,
        pad_id=0,
    )
    assert {batch.role for batch in batches} == {one.role for one in step}
    for batch in batches:
        module._backward(batch)
    return {n: p.grad for n, p in plain.named_parameters() if p.grad is not None}


def test_a_lesson_is_an_example_for_each_role_with_the_other_texts_as_context():
    first, second, *_ = examples(tiny("causal"))
    assert (first.role, second.role) == ROLES
    assert first.target == "3 * 4 = 12."
    assert second.target.startswith(first.target) and second.target.endswith("The answer is 12.")
    renderer = Renderer(tiny("causal").tokenizer(), "causal", "plain")
    for example, says in ((first, "3 * 4 = 12."), (second, "The answer is 12.")):
        scored = [t for t, s in zip(example.target_ids, example.scored(), strict=True) if s]
        assert renderer.text(scored) == says


@pytest.mark.parametrize(
    ("name", "options", "roles"),
    [
        ("sci_cot", {}, ("rationale", "answer")),
        ("kpdd", {}, ("core_question", "hints", "solution")),
        ("kpdd", {"hints_cue": None}, ("key_points", "solution")),
        ("cot", {}, (ONLY_ROLE,)),
    ],
)
def test_a_text_of_a_lesson_has_the_role_by_which_it_is_asked_for(name, options, roles):
    thought = plugin("thought", name).model_copy(update=options)
    assert roles_of({name: thought}) == roles
    done = Done(text="ans = 3 * 4", answer=12, status="ok")
    lesson = Lesson(
        id=f"p/{name}/0",
        problem_id="p",
        thought=name,
        sample=0,
        segments=thought.lesson(new_transcript("3 bags of 4 pens. How many?"), done),
        sources=("pot/0",),
    )
    texts = [s for s in with_roles(lesson, thought).segments if s.author == "writer"]
    assert tuple(text.role for text in texts) == roles


@KINDS
def test_shared_roles_change_no_example(kind):
    shared = [
        replace(made, segments=tuple(replace(s, role=ONLY_ROLE) for s in made.segments))
        for made in lessons()
    ]
    found = examples(tiny(kind), shared)
    assert {one.role for one in found} == {ONLY_ROLE}
    assert len(found) == (4 if kind == "causal" else 8)


@KINDS
@pytest.mark.parametrize("layout", ["tree", "separate"])
@pytest.mark.parametrize("tuning", ["lora", "dora"])
def test_an_adapter_learns_what_a_student_of_its_role_alone_learns(kind, layout, tuning):
    student = tiny(kind, tuning=tuning)
    step = examples(student)
    together = stirred(adapted(student.load(SEED)[0], student, roles=ROLES))
    weights = {n: p.detach().clone() for n, p in together.get_base_model().named_parameters()}
    found = gradients(student, together, step, layout, ROLES)
    share = example_weights(step, None, "token")[0]
    for role in ROLES:
        alone = adapted(student.load(SEED)[0], student)
        ours = {n.replace(f".{role}", ".default"): w for n, w in weights.items()}
        alone.get_base_model().load_state_dict(ours, strict=False)
        own = [replace(one, role=ONLY_ROLE) for one in step if one.role == role]
        scale = share / example_weights(own, None, "token")[0]
        expected = gradients(student, alone, own, layout)
        assert expected.keys() == {n.replace(f".{role}", ".default") for n in found if role in n}
        for name, gradient in expected.items():
            torch.testing.assert_close(
                found[name.replace(".default", f".{role}")], scale * gradient, rtol=1e-4, atol=1e-7
            )


def trained(student, folder, roles=ROLES, made=None, **options):
    return fit(
        student.load(SEED),
        examples(student) if made is None else made,
        student=student,
        shares=None,
        objective=UNION,
        trainer=trainer(**options),
        seed=SEED,
        precision="32-true",
        folder=folder,
        roles=roles,
    )


def saved(student, model, folder) -> Weights:
    save_folder((model, student.tokenizer()), folder / "student")
    return Weights(student=student, seed=SEED).after_training(folder / "student")


def logits(model, role=None):
    if role:
        activate(model, role)
    ids = torch.arange(3, 40)[None]
    more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    return model(input_ids=ids, **more).logits


@KINDS
def test_each_trained_adapter_is_loaded_again(kind, tmp_path):
    student = tiny(kind, tuning="lora")
    model, history, _ = trained(student, tmp_path)
    assert history[-1]["loss"] < history[0]["loss"]
    weights = saved(student, model, tmp_path)
    again = weights.load()[0]
    assert roles_in(again) == set(ROLES)
    answers = {role: logits(model.get_base_model(), role) for role in ROLES}
    assert (answers[ROLES[0]] - answers[ROLES[1]]).abs().max() > 1e-2
    for role, expected in answers.items():
        torch.testing.assert_close(logits(again, role), expected)
        alone = weights.load(role)[0]
        assert not roles_in(alone)
        torch.testing.assert_close(logits(alone), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no adapter of role student; there are answer, rationale"):
        activate(again, "student")


def test_a_training_that_stopped_goes_on_with_both_adapters(tmp_path):
    student = tiny("causal", tuning="lora")
    whole, history, _ = trained(student, tmp_path, checkpoint_steps=2)
    again, resumed, _ = trained(student, tmp_path, checkpoint_steps=2)  # from step 2 of 3
    assert resumed == history
    for role in ROLES:
        assert torch.equal(
            logits(again.get_base_model(), role), logits(whole.get_base_model(), role)
        )


def test_a_checkpoint_gives_the_student_of_each_role(tmp_path):
    student = tiny("causal", tuning="lora")
    model, _, _ = trained(student, tmp_path, checkpoint_steps=3)
    [file] = (tmp_path / CHECKPOINTS).iterdir()
    base = Weights(student=student, seed=SEED)
    for role in ROLES:
        (merged, _), step = student_of_checkpoint(base, file, ROLES, role)
        assert step == 3 and not roles_in(merged)
        expected = logits(model.get_base_model(), role)
        torch.testing.assert_close(logits(merged), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="of another student, or of another tuning"):
        student_of_checkpoint(base, file)


class InTwoTexts(type(SCI_COT)):
    """Texts that a student with random weights ends, too: of four characters."""

    def next(self, transcript, seen):
        texts = transcript.by("writer")
        if len(texts) == 2:
            return Done(text=texts[1].text, answer=None, status="no_answer")
        return Write(
            cue=(self.cue, self.inner.cue)[len(texts)],
            stop=lambda text: text[:4] if len(text) >= 4 else None,
            role=ROLES[len(texts)],
        )


def asked_of(decoded: Sequence[Output]) -> list[list[int]]:
    """The prompts of both texts, as tokens."""
    renderer = Renderer(tiny("causal").tokenizer(), "causal", "plain")
    [output] = decoded
    question = new_transcript(PROBLEM.question).segments
    first = renderer.prompt(PROBLEM.question, SCI_COT)
    before = [*question, *output.segments[:-1]]
    start = next(n for n, segment in enumerate(before) if segment.author == "writer")
    second = renderer.rendered(first, before[start:], ends=False, splits=True)
    return [renderer.prompt_ids(first), second.ids]


PROBLEM = Problem(id="p", dataset="toy", split="test", question="3 bags of 4 pens?", answer=12)


def test_the_adapter_of_its_role_writes_each_text(tmp_path):
    student = tiny("causal", tuning="lora")
    model = stirred(adapted(student.load(SEED)[0], student, roles=ROLES))
    weights = saved(student, model, tmp_path)
    loaded, tokenizer = weights.load()
    renderer = Renderer(tokenizer, "causal", "plain")
    writer = StudentWriter(model=loaded, renderer=renderer, phase="after", seed=SEED)
    thought = InTwoTexts(**SCI_COT.model_dump())
    options = {"num_paths": 0, "max_new_tokens": 24}
    decoding = StraightDecoding(**{**plugin("decoding", "default").model_dump(), **options})
    found = answer(writer, [PROBLEM], {"two": thought}, decoding=decoding, executor=None)
    texts = [segment for segment in found[0].segments if segment.author == "writer"]
    assert tuple(text.role for text in texts) == ROLES
    for role, text, prompt in zip(ROLES, texts, asked_of(found), strict=True):
        alone = weights.load(role)[0]
        ids = torch.tensor([prompt])
        for _ in range(text.num_tokens):
            following = alone(input_ids=ids).logits[:, -1].argmax(-1)
            ids = torch.cat([ids, following[None]], dim=1)
        assert renderer.text(ids[0, len(prompt) :].tolist()).startswith(text.text)
    plain = {"cot": plugin("thought", "cot")}
    with pytest.raises(ValueError, match="no adapter of role student"):
        answer(writer, [PROBLEM], plain, decoding=decoding, executor=None)
