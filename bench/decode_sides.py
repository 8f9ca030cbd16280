"""The sides of bench/decode.py: each writes sampled paths for questions and counts what it wrote.

Prompts, temperature, the whole vocabulary, the token limit and the end of sequence as the only end
are the same for all. None of them can draw the same random numbers as another.
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import ContinuousBatchingConfig, GenerationConfig

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.server import ask_server
from mdexp.ports.parts import build_part
from mdexp.students.prompts import Renderer

CONF = Path(__file__).parents[1] / "conf" / "thought"
THOUGHTS: dict[str, Any] = {
    name: build_part(yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8")))
    for name in ("cot", "pot")
}
PATHS = 8  # of each thought
TEMPERATURE = 0.7
BLOCK_TOKENS = 64  # of continuous batching

Ids = Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a side works with. `folder` is the student's, None for the embedded one."""

    model: Any  # of transformers
    renderer: Renderer
    folder: Path | None
    rows: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`computed` row-steps, of which `tokens` were of use; None where the side does not say."""

    tokens: int
    computed: int | None = None
    texts: Sequence[Ids] = ()


class Unavailable(RuntimeError):
    """The side cannot run here; the text says why."""


Side = Callable[[Setting, Sequence[str]], Written]


def _at_end(text: str) -> None:
    """A text is complete at the end of sequence only."""


def questions(number: int) -> list[str]:
    """Of SVAMP's test part, or made-up ones without MDEXP_DATA."""
    if data := os.environ.get("MDEXP_DATA"):
        lines = (Path(data) / "svamp" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["question"] for line in lines[:number]]
    dice = random.Random(0)
    return [
        f"A shop had {dice.randrange(20, 900)} apples in boxes of {dice.randrange(2, 12)}. "
        f"It sold {dice.randrange(2, 20)} of them. How many apples are left?"
        for _ in range(number)
    ]


def mdexp(setting: Setting, asked: Sequence[str]) -> Written:
    work = DecodeStats()
    requests, limits = _requests(setting, asked), _limits(setting)
    found = sorted(
        generate_answers(setting.model, setting.renderer, requests, limits, work),
        key=lambda pair: pair[0],
    )
    texts = [answered.token_ids for _, answered in found]
    return Written(tokens=work.useful, computed=work.row_steps, texts=texts)


def transformers(setting: Setting, asked: Sequence[str]) -> Written:
    """`generate` with num_return_sequences, prompts of like length together."""
    prompts = sorted(_prompts(setting, asked), key=len)
    tokens = computed = 0
    for start in range(0, len(prompts), setting.rows // PATHS):
        batch = prompts[start : start + setting.rows // PATHS]
        inputs = setting.renderer.tokenizer.pad(
            {"input_ids": batch}, padding_side="left", return_tensors="pt"
        )
        found = setting.model.generate(
            **inputs, generation_config=_sampling(setting), num_return_sequences=PATHS
        )[:, inputs["input_ids"].shape[1] :]
        tokens += sum(_until_end(setting, row) for row in found.tolist())
        computed += found.numel()
    return Written(tokens=tokens, computed=computed)


def continuous(setting: Setting, asked: Sequence[str]) -> Written:
    """transformers' continuous batching, which takes each sample as a request of its own; with as
    many blocks as its rows fill, since by itself it takes most of the memory."""
    prompts = [prompt for prompt in _prompts(setting, asked) for _ in range(PATHS)]
    longest = max(map(len, prompts)) + setting.max_new_tokens
    batching = ContinuousBatchingConfig(
        num_blocks=setting.rows * -(-longest // BLOCK_TOKENS),
        page_size=BLOCK_TOKENS,
        max_requests_per_batch=setting.rows,
    )
    found = setting.model.generate_batch(
        prompts, generation_config=_sampling(setting), continuous_batching_config=batching
    )
    written = [result.generated_tokens for result in found.values()]
    if failed := len(prompts) - sum(map(bool, written)):
        raise Unavailable(f"{failed} of {len(prompts)} requests were not answered")
    return Written(tokens=sum(_until_end(setting, row) for row in written))


def ctranslate2(setting: Setting, asked: Sequence[str]) -> Written:
    """CTranslate2 in float32: it has no bfloat16 on this kind of processor."""
    if setting.folder is None:
        raise Unavailable("it needs a folder: --student")
    tokenizer = setting.renderer.tokenizer
    prompts = [tokenizer.convert_ids_to_tokens(prompt) for prompt in _prompts(setting, asked)]
    found = _converted(setting.folder).generate_batch(
        prompts,
        max_batch_size=setting.rows // PATHS,
        num_hypotheses=PATHS,
        sampling_topk=0,
        sampling_temperature=TEMPERATURE,
        max_length=setting.max_new_tokens,
        end_token=tokenizer.eos_token,
        include_prompt_in_result=False,
    )
    return Written(tokens=sum(len(row) for result in found for row in result.sequences_ids))


@cache
def _converted(folder: Path) -> Any:
    """CTranslate2's generator; made while warming up."""
    try:
        from ctranslate2 import Generator
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise Unavailable("pip install ctranslate2") from error
    with tempfile.TemporaryDirectory() as place:
        TransformersConverter(str(folder)).convert(place, force=True)
        return Generator(place, compute_type="float32", intra_threads=torch.get_num_threads())


def llama_cpp(setting: Setting, asked: Sequence[str]) -> Written:
    """A llama.cpp server with the embedded student's own file; its start, a second, counts."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError as error:
        raise Unavailable("pip install xllamacpp") from error
    if setting.folder is not None:
        raise Unavailable("it reads GGUF files only, not a folder")
    with _server() as url:
        found = ask_server(
            [url], "smollm2", setting.renderer, _requests(setting, asked), _limits(setting)
        )
        return Written(tokens=sum(answered.num_tokens for _, answered in found))


SIDES: dict[str, Side] = {
    "mdexp": mdexp,
    "transformers": transformers,
    "continuous": continuous,
    "ctranslate2": ctranslate2,
    "llama.cpp": llama_cpp,
}


def _prompts(setting: Setting, asked: Sequence[str]) -> list[list[int]]:
    renderer = setting.renderer
    return [
        renderer.prompt_ids(renderer.prompt(question, thought))
        for question in asked
        for thought in THOUGHTS.values()
    ]


def _requests(setting: Setting, asked: Sequence[str]) -> list[DecodingRequest]:
    return [
        DecodingRequest(
            prompt_ids=prompt,
            problem=str(number // len(THOUGHTS)),
            stop=_at_end,
            sample=sample,
            stream=f"{number}/{sample}",
        )
        for number, prompt in enumerate(_prompts(setting, asked))
        for sample in range(1, PATHS + 1)
    ]


def _limits(setting: Setting) -> DecodingLimits:
    return DecodingLimits(
        max_new_tokens=setting.max_new_tokens, temperature=TEMPERATURE, batch_size=setting.rows
    )


def _sampling(setting: Setting) -> GenerationConfig:
    return GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        top_k=0,
        top_p=1.0,
        max_new_tokens=setting.max_new_tokens,
        eos_token_id=setting.renderer.tokenizer.eos_token_id,
        pad_token_id=setting.renderer.tokenizer.pad_token_id,
    )


def _until_end(setting: Setting, row: list[int]) -> int:
    """Tokens up to the end of sequence, it included."""
    end = setting.renderer.tokenizer.eos_token_id
    return row.index(end) + 1 if end in row else len(row)


@contextmanager
def _server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = Path(__file__).with_name("serve.py")
    command = [sys.executable, str(serve), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            if not (url := process.stdout.readline().strip()):
                raise Unavailable("the server did not start")
            yield url
        finally:
            process.terminate()


def counted(written: Written, paths: int) -> dict[str, Any]:
    return {
        "tokens_per_path": written.tokens / paths,
        "utilisation": written.tokens / written.computed if written.computed else None,
    }
