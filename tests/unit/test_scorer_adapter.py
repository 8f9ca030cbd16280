"""The adapter that learns with a scorer's head: it ranks pairs, and is read back as it was."""

from types import SimpleNamespace

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from mdexp.students.prefix_states import Prefix, PrefixReader
from mdexp.training import scorer_adapter
from mdexp.training.finite import NotFinite
from mdexp.training.scorer_adapter import learn_adapter, load_adapter, save_adapter
from tests.tiny_run import SEED, tiny

OPTIONS = SimpleNamespace(rank=2, epochs=12, learning_rate=3e-2)
LOSS = "adapter: mean loss of the last epoch"
# Right texts have the token 5 in their middle, wrong ones the token 6; both end alike.
PATHS = [Prefix((1, 2, n), (7, 5 + n % 2, 8, 9)) for n in range(10, 26)]
PAIRS = [(n, n + 1) for n in range(0, len(PATHS), 2)]


def states(model, paths=PATHS):
    reader = PrefixReader(model=model, depths=[1.0], batch_size=4)
    read = reader.read(paths, [[len(path.token_ids)] for path in paths])
    return torch.tensor([one[0, 0].tolist() for one in read])


@pytest.fixture
def student():
    return tiny("causal").load(SEED)[0]


def test_it_tells_pairs_apart_and_leaves_the_weights_alone(student):
    before = {name: p.clone() for name, p in student.named_parameters()}
    counts = learn_adapter(student, PATHS, PAIRS, OPTIONS, seed=0)
    assert counts["adapter: steps"] == OPTIONS.epochs
    assert counts[LOSS] < 0.2 * frozen_loss(), "the head alone cannot tell them apart as well"
    frozen = {n.replace(".base_layer", ""): p for n, p in student.named_parameters()}
    assert all(torch.equal(frozen[name], weights) for name, weights in before.items())


def frozen_loss():
    """What the temporary head reaches by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer_adapter, "_with_adapter", lambda model, rank: model)
        student = tiny("causal").load(SEED)[0].requires_grad_(False)
        return learn_adapter(student, PATHS, PAIRS, OPTIONS, seed=0)[LOSS]


def test_it_is_read_back_to_the_bit_and_two_trainings_are_one(student, tmp_path):
    learn_adapter(student, PATHS, PAIRS, OPTIONS, seed=0)
    torch.rand(3)  # the seed decides, not what was drawn before
    save_adapter(student, tmp_path / "adapter")
    fresh, again = (tiny("causal").load(SEED)[0] for _ in range(2))
    plain = states(fresh)
    load_adapter(fresh, tmp_path / "adapter")
    assert torch.equal(states(fresh), states(student)) and not torch.equal(states(fresh), plain)
    learn_adapter(again, PATHS, PAIRS, OPTIONS, seed=0)
    assert torch.equal(states(again), states(student))


def test_without_pairs_the_student_stays_frozen(student, tmp_path):
    plain = states(student)
    assert learn_adapter(student, PATHS, [], OPTIONS, seed=0) == {}
    save_adapter(student, tmp_path / "adapter")
    load_adapter(student, tmp_path / "adapter")
    assert torch.equal(states(student), plain)


def test_dropout_changes_nothing():
    """Whatever was drawn before the training."""

    def trained(drawn: int) -> torch.Tensor:
        torch.manual_seed(0)
        model = GPT2LMHeadModel(
            GPT2Config(n_layer=1, n_head=2, n_embd=32, vocab_size=64, resid_pdrop=0.5)
        )
        torch.rand(drawn)
        learn_adapter(model, PATHS, PAIRS, OPTIONS, seed=0)
        return states(model)

    assert torch.equal(trained(1), trained(5))


def test_a_learning_rate_that_is_too_high_is_named(student):
    wild = SimpleNamespace(rank=2, epochs=12, learning_rate=1e30)
    with pytest.raises(NotFinite, match=r"Try a lower scorer\.adapter\.learning_rate"):
        learn_adapter(student, PATHS, PAIRS, wild, seed=0)


def test_another_students_adapter_is_refused(student, tmp_path):
    learn_adapter(student, PATHS, PAIRS, OPTIONS, seed=0)
    save_adapter(student, tmp_path / "adapter")
    with pytest.raises(AssertionError, match="is of another student"):
        load_adapter(tiny("causal", layers=1).load(SEED)[0], tmp_path / "adapter")
