#!/usr/bin/env bash
# What one GPU shows of mdexp, in at most 30 minutes.
#
#     bash bench/gpu.sh FOLDER [OUT]            FOLDER: a decoder's weights, as save_pretrained writes
#     DRY_RUN=1 bash bench/gpu.sh FOLDER [OUT]  prints the commands alone
#
# Training in bfloat16, of all weights and of 4-bit ones with adapters (QLoRA), beside what
# `mdexp plan` says of memory and beside TRL where it is installed; then decoding by mdexp, and by
# vLLM where that is installed. Problems are those that mdexp brings, their solutions the teacher:
# no network, no key. OUT (gpu-results) gets the logs and table.txt. A part that fails or takes too
# long is named in the table, and the others go on. Peaks are those of nvidia-smi, so let the GPU do
# nothing else.
set -euo pipefail

weights=${1:?usage: [DRY_RUN=1] bash bench/gpu.sh FOLDER [OUT]}
out=${2:-gpu-results}
python=${PYTHON:-python}

run=(
  student=smollm2 student.package=null "student.path=$weights" student.prompt=plain
  teacher=worked "thought=[cot,pot]" lambda=0.5
  trainer.accelerator=gpu trainer.precision=bf16-mixed trainer.max_steps=60
  decoding.num_paths=8 decoding.max_new_tokens=128 decoding.num_validation=0
  logger=csv "store=$out/store"
)

# part NAME SECONDS COMMAND...: a command with its log, its time limit and the GPU's peak memory.
part() {
  local name=$1 limit=$2
  shift 2
  if [[ -n ${DRY_RUN:-} ]]; then
    printf '%s\t' "$name" "$limit"
    printf '%q ' "$@"
    printf '\n'
    return
  fi
  echo "== $name"
  nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --loop=1 --id=0 \
    >"$out/$name.memory" 2>/dev/null &
  local watch=$! code=0
  timeout -k 10 "$limit" "$@" >"$out/$name.log" 2>&1 || code=$?
  kill "$watch" 2>/dev/null || true
  wait "$watch" 2>/dev/null || true
  local peak
  peak=$(sort -n "$out/$name.memory" | tail -n 1)
  echo "$name: exit code $code, at most ${peak:-?} MiB of the GPU" | tee -a "$out/table.txt"
}

has() { [[ -n ${DRY_RUN:-} ]] || "$python" -c "import $1" 2>/dev/null; }

if [[ -z ${DRY_RUN:-} ]]; then
  mkdir -p "$out"
  {
    date -u
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
  } >"$out/table.txt"
fi

extract="stages=[prepare,extract,verify,examples,train]"
for tuning in full qlora; do
  part "plan-$tuning" 60 "$python" -m mdexp.plan "${run[@]}" "student.tuning=$tuning"
  part "train-$tuning" 330 "$python" -m mdexp.run "${run[@]}" "student.tuning=$tuning" \
    "$extract" "hydra.run.dir=$out/$tuning"
done
if has trl; then
  part trl 300 "$python" -m bench.train --student "$weights" --accelerator gpu --paths 5 \
    --against pad8 pack4096 --turns 2
fi
# The training is found in the store: what is left is decoding, before it and after it.
part decode-mdexp 240 "$python" -m mdexp.run "${run[@]}" student.tuning=full \
  "hydra.run.dir=$out/local"
if has vllm; then
  part decode-vllm 300 "$python" -m mdexp.run "${run[@]}" student.tuning=full decoding=served \
    "decoding.command='vllm serve {model} --port {port}'" "hydra.run.dir=$out/served"
fi

[[ -n ${DRY_RUN:-} ]] && exit 0
"$python" - "$out" <<'PYTHON' | tee -a "$out/table.txt"
import json
import sys
from pathlib import Path

for file in sorted(Path(sys.argv[1]).glob("*/run.json")):
    for stage in json.loads(file.read_text())["stages"]:
        if tokens := stage["counts"].get("tokens"):
            speed = tokens / max(stage["seconds"], 1e-9)
            print(f"{file.parent.name}: {stage['name']} {speed:.0f} tokens a second")
PYTHON
grep -h "peak\|weights\|median\|tree is" "$out"/*.log | tee -a "$out/table.txt" || true
