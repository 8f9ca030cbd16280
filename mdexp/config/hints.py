"""Suggests what a mistyped key, group or option was meant to be. Plain strings; no Hydra here."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

MAX_HINTS = 3
CUTOFF = 0.7
COMMAND_CUTOFF = 0.85
# Names that other trainers use, by the last name of our key.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "lr": ("trainer.learning_rate",),
    "batch_size": ("trainer.step_problems", "decoding.batch_size"),
    "train_batch_size": ("trainer.step_problems", "trainer.micro_batch_tokens"),
    "per_device_train_batch_size": ("trainer.step_problems", "trainer.micro_batch_tokens"),
    "eval_batch_size": ("decoding.batch_size",),
    "per_device_eval_batch_size": ("decoding.batch_size",),
    "gradient_accumulation_steps": ("trainer.micro_batch_tokens", "trainer.step_problems"),
    "epoch": ("trainer.epochs",),
    "num_epochs": ("trainer.epochs",),
    "num_train_epochs": ("trainer.epochs",),
    "max_epochs": ("trainer.epochs",),
    "steps": ("trainer.max_steps",),
    "num_steps": ("trainer.max_steps",),
    "model": ("student", "student.repo", "teacher.model"),
    "model_name": ("student", "student.repo", "teacher.model"),
    "base_model": ("student", "student.repo"),
    "max_length": ("trainer.max_tokens", "decoding.max_new_tokens"),
    "max_seq_length": ("trainer.max_tokens",),
    "num_samples": ("num_paths", "decoding.num_paths"),
    "num_return_sequences": ("decoding.num_paths", "num_paths"),
    "n": ("num_paths", "decoding.num_paths"),
    "warmup_ratio": ("trainer.warmup",),
    "warmup_steps": ("trainer.warmup",),
    "max_grad_norm": ("trainer.clip_norm",),
    "gradient_clip_val": ("trainer.clip_norm",),
    "bf16": ("trainer.precision",),
    "fp16": ("trainer.precision",),
    "lr_scheduler_type": ("trainer.schedule",),
    "lora_r": ("student.lora_rank",),
    "r": ("student.lora_rank",),
    "target_modules": ("student.lora_targets",),
    "device": ("trainer.accelerator",),
    "api_key": ("teacher.api_key_env",),
    "openai_api_key": ("teacher.api_key_env",),
    "api_base": ("teacher.base_url", "decoding.base_url"),
    "lam": ("lambda",),
    "alpha": ("student.lora_alpha", "lambda"),
    "wandb": ("logger", "logger.mode"),
    "wandb_project": ("logger.project",),
    "gpus": ("trainer.devices",),
    "num_gpus": ("trainer.devices",),
    "nnodes": ("trainer.num_nodes",),
    "data": ("dataset", "dataset.path"),
    "data_path": ("dataset.path",),
    "train_file": ("dataset.path",),
    "output_dir": ("hydra.run.dir",),
    "save_dir": ("hydra.run.dir",),
    "out": ("hydra.run.dir",),
}
# The dataset that reads files with an ending.
OWN_FILES = {
    "csv": "csv",
    "tsv": "csv",
    "parquet": "parquet",
    "json": "jsonl",
    "jsonl": "jsonl",
}
# Keys that are null or a mapping with names of the user's.
HOLDERS = tuple(
    f"{key}."
    for key in (
        *("dataset.fields", "dataset.shares", "teacher.fields", "teacher.extra", "teacher.price"),
        *("objective.weights", "objective.auxiliary"),
    )
)
ALWAYS_KNOWN = "hydra.run.dir"  # a run's settings do not include Hydra's keys


def key_paths(config: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """All keys of a nested configuration, as dotted paths, inner nodes included, with values."""
    paths: dict[str, object] = {}
    for name, value in config.items():
        paths[f"{prefix}{name}"] = value
        if isinstance(value, Mapping):
            paths |= key_paths(value, f"{prefix}{name}.")
    return paths


def similar(word: str, known: Iterable[str]) -> list[str]:
    """Known words most like `word`, the best first."""
    by_lower = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=MAX_HINTS, cutoff=CUTOFF)
    return [by_lower[match] for match in matches]


def similar_keys(key: str, known: Sequence[str]) -> list[str]:
    """Known keys that `key` may stand for: by a synonym, else the same name elsewhere, else a
    similar name at its depth, else a similar last name."""
    by_name: dict[str, list[str]] = {}
    for path in known:
        by_name.setdefault(path.rpartition(".")[2], []).append(path)
    name = key.rpartition(".")[2]
    called = SYNONYMS.get(name.lower(), ())
    if meant := [path for path in called if path in known or path == ALWAYS_KNOWN]:
        return meant[:MAX_HINTS]
    if name in by_name:
        return by_name[name][:MAX_HINTS]
    level = [path for path in known if path.count(".") == key.count(".")]
    by_last_name = [path for match in similar(name, by_name) for path in by_name[match]]
    return similar(key, level) or by_last_name[:MAX_HINTS]


def did_you_mean(key: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown key; empty if no known key is similar."""
    return question(similar_keys(key, known))


def question(candidates: Sequence[str]) -> str:
    """`candidates` as the end of a sentence; empty without any."""
    return f"; did you mean {' or '.join(candidates)}?" if candidates else ""


def unknown_option(group: str, option: str, options: Mapping[str, Sequence[str]]) -> str:
    """The message for an option that its group does not have; `options` are those of every
    group."""
    stem, _, suffix = option.lower().rpartition(".")
    if group == "dataset" and stem and suffix in OWN_FILES:
        named = question([f"dataset={OWN_FILES[suffix]} dataset.path={option}"])
        return f"dataset={option}: that is a file{named}"
    elsewhere = [f"{other}={option}" for other, names in options.items() if option in names]
    near = [f"{group}={name}" for name in similar(option, options[group])]
    known = ", ".join(sorted(options[group]))
    return f"{group}={option}: no such option of {group} ({known}){question(elsewhere + near)}"


def unknown_key(
    key: str, known: Mapping[str, object], groups: Iterable[str], homes: Sequence[str]
) -> str:
    """The message for a key or group that does not exist; `known` has the value of each key, and
    `homes` are the options that have this key and were not chosen."""
    above, _, name = key.rpartition(".")
    if key.startswith(HOLDERS) and above in known and known[above] is None:
        return f"{key}: {above} is null; give all of it, as in '{above}={{{name}: ...}}'"
    if homes:
        return f"{key}: unknown key of the chosen option; {', '.join(homes)} would have it"
    return f"{key}: unknown key{did_you_mean(key, [*groups, *known])}"


def unknown_command(word: str, commands: Iterable[str]) -> str:
    """The message for a first word that is like a command's name; empty if it is like none."""
    near = difflib.get_close_matches(word, list(commands), n=1, cutoff=COMMAND_CUTOFF)
    return f"{word}: no such command{question(near)}" if near else ""


def bare_word(word: str, options: Mapping[str, Sequence[str]]) -> str:
    """The message for an argument without a `=`."""
    homes = [f"{group}={word}" for group, names in options.items() if word in names]
    return f"{word}: an argument is written key=value{question(homes)}"


def missing_plugin(message: str) -> str:
    """The message if Hydra's `message` is about a missing launcher or sweeper; else empty."""
    named = re.search(r"hydra/(launcher|sweeper)[/=](\w+)", message)
    if not named:
        return ""
    kind, name = named.groups()
    return (
        f"hydra/{kind}={name}: no such {kind} is installed; joblib, submitit and optuna come with "
        'pip install "mdexp[sweep]", and processes with mdexp itself'
    )
