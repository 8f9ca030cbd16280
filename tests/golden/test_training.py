"""Three training steps of both tiny students, pinned: a refactor must not move a loss.

Pinned with torch 2.13, transformers 5.23 on x86-64; print the new ones with
`python -m tests.golden.test_training` and say in LOG.md why they moved.
"""

import pytest

from mdexp.students.prompts import Renderer
from mdexp.training.fit import fit
from mdexp.training.objectives.dual import DualObjective
from tests.tiny_run import SEED, examples, tiny, trainer

LOSSES: dict[tuple[str, float], list[float]] = {
    ("causal", 0.0): [5.54259, 5.38799, 4.95543],
    ("causal", 0.3): [5.54897, 5.38332, 4.95312],
    ("causal", 1.0): [5.56387, 5.42303, 5.01992],
    ("seq2seq", 0.0): [6.01634, 5.42303, 4.91874],
    ("seq2seq", 0.3): [6.02914, 5.36423, 4.88246],
    ("seq2seq", 1.0): [6.059, 5.25658, 4.73432],
}
DUAL = DualObjective(lambda_thought="cot", normalize="token", pairing="both")


def losses(kind, lam, folder):
    student = tiny(kind)
    loaded = student.load(SEED)
    renderer = Renderer(loaded[1], kind, "plain")
    _, history, _ = fit(
        loaded,
        examples(renderer),
        student=student,
        shares={"cot": lam, "pot": 1 - lam},
        objective=DUAL,
        trainer=trainer(),
        seed=SEED,
        precision="32-true",
        folder=folder,
    )
    return [row["loss"] for row in history]


@pytest.mark.parametrize(("kind", "lam"), list(LOSSES))
def test_losses_are_as_pinned(kind, lam, tmp_path):
    assert losses(kind, lam, tmp_path) == pytest.approx(LOSSES[kind, lam], abs=1e-4)


def test_every_student_and_lambda_is_pinned():
    assert set(LOSSES) == {(k, lam) for k in ("causal", "seq2seq") for lam in (0.0, 0.3, 1.0)}


if __name__ == "__main__":
    import tempfile
    from pathlib import Path

    for kind in ("causal", "seq2seq"):
        for lam in (0.0, 0.3, 1.0):
            with tempfile.TemporaryDirectory() as folder:
                found = [round(loss, 5) for loss in losses(kind, lam, Path(folder))]
            print(f"    ({kind!r}, {lam}): {found},")
