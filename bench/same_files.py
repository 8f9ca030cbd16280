"""Whether two checkouts write the same files and stage keys for one small run.

    python -m bench.same_files CHECKOUT CHECKOUT [KEY=VALUE ...]

Each runs in an empty folder with its own store: 12 problems to train on, a tiny student, two
steps, CPU. Times, versions and pages, which show times, are not compared. Exit code 1 where a file
differs or is in one run only.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

RUN = [
    *("dataset=gsm_symbolic", "dataset.limit_train=12", "dataset.limit_test=4"),
    *("student=tiny_causal", "logger.mode=disabled"),
    *("trainer.accelerator=cpu", "trainer.precision=32-true"),
    *("trainer.max_steps=2", "trainer.step_problems=4"),
    *("decoding.max_new_tokens=6", "decoding.num_shots=1", "decoding.num_paths=2"),
    *("sandbox.workers=1", "hydra.run.dir=run"),
]
COMPARED = {".jsonl", ".json", ".csv", ".safetensors", ".ckpt", ".txt"}
WITH_TIMES = {"run.json", "result.json", "stage.json", "training/metrics.csv"}


def written(checkout: Path, home: Path, overrides: list[str]) -> dict[str, bytes | None]:
    """What a run leaves, by path without the stage's key; keys are entries, too."""
    home.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "MDEXP_STORE": str(home / "store"),
        "WANDB_MODE": "disabled",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "mdexp.run", *RUN, *overrides]
    subprocess.run(command, cwd=home, env=environment, check=True, stdout=subprocess.DEVNULL)
    stages = json.loads((home / "run" / "run.json").read_text(encoding="utf-8"))["stages"]
    found: dict[str, bytes | None] = {f"key of {s['name']}": s["key"].encode() for s in stages}
    found |= {f"run/{name}": text for name, text in _files(home / "run").items()}
    for stage in sorted((home / "store" / "stages").iterdir()):
        for output in (folder for folder in stage.iterdir() if folder.is_dir()):
            for name, text in _files(output).items():
                found[f"store/{stage.name}/{name}"] = text
    return found


def _files(folder: Path) -> dict[str, bytes | None]:
    """The files below a folder by path; without content where that holds times."""
    names = {
        file.relative_to(folder).as_posix(): file
        for file in folder.rglob("*")
        if file.is_file() and not file.relative_to(folder).parts[0].startswith(".")
    }
    return {
        name: file.read_bytes() if file.suffix in COMPARED and name not in WITH_TIMES else None
        for name, file in names.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs=2, type=Path)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    with TemporaryDirectory() as place:
        before, after = (
            written(checkout.absolute(), Path(place) / str(number), arguments.overrides)
            for number, checkout in enumerate(arguments.checkouts)
        )
    shared = sorted(before.keys() & after.keys())
    differ = [name for name in shared if before[name] != after[name]]
    compared = sum(before[name] is not None for name in shared)
    print(f"{compared} files and keys compared, {compared - len(differ)} the same")
    for name in differ:
        print(f"differs: {name}")
    for name in sorted(before.keys() ^ after.keys()):
        print(f"only {'before' if name in before else 'after'}: {name}")
    return int(bool(differ) or before.keys() != after.keys())


if __name__ == "__main__":
    sys.exit(main())
