"""Does a merged student write what its adapters write? Share of equal greedy tokens, by precision.

    python -m bench.merged FOLDER [lora|dora]

FOLDER holds a causal student as save_pretrained writes it. Its adapters get random weights, about
as large as those of a training. Tokens are compared under one prefix each, that which the student
with its adapters wrote in float32: after a first difference two texts say nothing of each other.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from mdexp.students.adapters import adapted, merged
from mdexp.students.load import Student, load_folder
from mdexp.transcripts.prompting import load_exemplars

NEW_TOKENS = 48
ADAPTER_STD = 0.06


def main(folder: str, tuning: str = "lora") -> None:
    torch.manual_seed(0)
    student = Student.model_validate(
        {"kind": "causal", "prompt": "plain", "tuning": tuning, "path": folder, "package": None}
        | {"repo": None, "revision": None, "lora_rank": 16, "lora_alpha": 32.0}
        | {"lora_dropout": 0.0, "lora_targets": "all-linear"}
    )
    plain, tokenizer = load_folder(Path(folder), "causal")
    model = adapted(plain, student)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=ADAPTER_STD)
    prompts = [f"Question:\n{row['question']}\n\nAnswer:\n" for row in load_exemplars()]
    texts = [written(model, tokenizer(p, return_tensors="pt")["input_ids"]) for p in prompts]
    with model.disable_adapter():
        print(f"without adapters, float32: {share(model, texts):.4f}")
    print(f"adapters, float32:         {share(model, texts):.4f}")
    one: Any = merged(model)
    print(f"merged, float32:           {share(one, texts):.4f}")
    print(f"merged, bfloat16:          {share(one.to(torch.bfloat16), texts):.4f}")


@torch.inference_mode()
def written(model: Any, prompt: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Prompt with what the student goes on to write, and where that begins."""
    ids = model.generate(input_ids=prompt, do_sample=False, max_new_tokens=NEW_TOKENS)
    return ids, prompt.shape[1]


@torch.inference_mode()
def share(model: torch.nn.Module, texts: list[tuple[torch.Tensor, int]]) -> float:
    """Of the written tokens, those that are the model's likeliest after the same prefix."""
    equal = total = 0
    for ids, start in texts:
        likeliest = model(input_ids=ids).logits[0, start - 1 : -1].argmax(-1)
        equal += int((likeliest == ids[0, start:]).sum())
        total += len(likeliest)
    return equal / total


if __name__ == "__main__":
    main(*sys.argv[1:])
