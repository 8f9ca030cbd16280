"""What a student of 7 B needs, together: 4 bits, checkpointing, two ranks, and a server of it.

The student has CodeLlama-7B's architecture (head of its own, rotary base, proportions) with two
layers of small width and a byte for a token.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from mdexp.students.load import save_folder
from mdexp.students.tiny import byte_tokenizer
from tests.e2e.conftest import SMALL

SERVER = Path(__file__).parents[1] / "student_server.py"
LARGE = [
    *("student=codellama", "lambda=0.5", "student.tuning=qlora"),
    *("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"),
    *("trainer.activation_checkpointing=true", "trainer.micro_batch_tokens=600"),
    "decoding=served",
]


@pytest.fixture
def code_llama(tmp_path: Path) -> Path:
    """A folder with a student of CodeLlama's kind."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=344,  # 11008 of 4096
        num_hidden_layers=2,
        num_attention_heads=4,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        max_position_embeddings=16384,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_folder((LlamaForCausalLM(config), tokenizer), tmp_path / "codellama")
    return tmp_path / "codellama"


def test_a_student_in_4_bits_goes_from_extract_to_report(
    problems: Path, code_llama: Path, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    command = f"{shlex.quote(sys.executable)} {SERVER} {{model}} {{port}}"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mdexp.run", *SMALL, f"dataset.path={problems}", *LARGE),
            *(f"student.path={code_llama}", f"decoding.command='{command}'", "hydra.run.dir=run"),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = tmp_path / "run"
    stages = {stage["name"]: stage["counts"] for stage in read_json(run / "run.json")["stages"]}
    assert "GLOBAL_RANK: 0, MEMBER: 1/2" in (run / "mdexp.log").read_text()
    [frozen] = tmp_path.glob("store/stages/train/*/student/frozen.json")
    assert read_json(frozen)["nf4"]
    assert len(read_jsonl(run / "history.jsonl", dict)) == 2
    for phase in ("before", "after"):
        assert stages[phase]["served_model"].startswith("the server's model is taken for")
        assert stages[phase]["outputs"] == 2 * (3 + 4)
    assert (run / "report.html").is_file()
