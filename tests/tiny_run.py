"""A tiny student, ragged examples for it, and trainer settings: what training tests start from."""

from typing import Any

from mdexp.config.blocks import TrainerSettings
from mdexp.records import Example
from mdexp.students.load import Kind
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import TinyStudent
from mdexp.transcripts.prompting import load_exemplars
from tests.read_texts import target_ids

SEED = 0
TRAINER: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "strategy": "auto",
    "precision": "32-true",
    "learning_rate": 1e-2,
    "weight_decay": 0.01,
    "step_problems": 2,
    "epochs": 3,
    "max_steps": 3,
    "warmup": 0.0,
    "schedule": "constant",
    "clip_norm": 1.0,
    "max_tokens": 512,
    "on_overlong": "drop",
    "micro_batch_tokens": 1024,
    "checkpoint_steps": 100,
    "layout": "tree",
}


def tiny(kind: Kind, **options: Any) -> TinyStudent:
    defaults: dict[str, Any] = {
        "kind": kind,
        "prompt": "plain",
        "tuning": "full",
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "lora_rank": 4,
        "lora_alpha": 8.0,
        "lora_dropout": 0.0,
        "lora_targets": "all-linear",
    }
    return TinyStudent(**defaults | options)


def trainer(**options: Any) -> TrainerSettings:
    return TrainerSettings(**TRAINER | options)


def examples(renderer: Renderer) -> list[Example]:
    """The exemplars as training examples: four problems with a CoT and a PoT each."""
    made = []
    for number, row in enumerate(load_exemplars()):
        prompt = f"Q: {row['question'][:40]}\n"
        for thought in ("cot", "pot"):
            made.append(
                Example(
                    problem_id=f"p{number}",
                    thought=thought,
                    sample=0,
                    prompt_ids=renderer.prompt_ids(prompt),
                    target_ids=target_ids(renderer, prompt, row[thought]),
                    target=row[thought],
                )
            )
    return made
