"""A tiny student, ragged examples for it, and settings: what tests of training and decoding start
from."""

from typing import TYPE_CHECKING, Any

import torch

from mdexp.config.blocks import TrainerSettings
from mdexp.decoding.straight import StraightDecoding
from mdexp.records import Example
from mdexp.students.load import Kind
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import TinyStudent
from mdexp.transcripts.prompting import load_exemplars
from tests.read_texts import target_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel

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


def straight(**options: Any) -> StraightDecoding:
    """Straight decoding in this process, without validation problems."""
    defaults: dict[str, Any] = {
        "engine": "local",
        "base_url": None,
        "served": None,
        "num_paths": 1,
        "temperature": 0.7,
        "top_p": 1.0,
        "max_new_tokens": 6,
        "batch_size": 4,
        "num_shots": 0,
        "num_validation": 0,
    }
    return StraightDecoding(**defaults | options)


def writer_of_lines() -> tuple["PreTrainedModel", Renderer]:
    """A model with random weights that often ends its line, and its renderer."""
    model, tokenizer = tiny("causal").load(0)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.4)
    head = model.get_output_embeddings()
    head.bias = torch.nn.Parameter(torch.zeros(len(tokenizer)))
    [newline] = tokenizer("\n", add_special_tokens=False)["input_ids"]
    head.bias[newline].data += 6.0
    return model, Renderer(tokenizer, "causal", "plain")


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
