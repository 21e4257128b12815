#!/bin/sh
# The SAM 3 network on this machine's processor, full size, random weights: sam3_cpu.sh [OUTPUT_FOLDER]
# Builds sam3_bench, writes a float32 checkpoint as large as the released one (3.4 GB, to $TMPDIR,
# removed afterwards), times the stages in bf16, and the encoder and a box in fp32. Prints the tables;
# sam3_cpu_bf16.json and sam3_cpu_fp32.json go to the folder, by default bench/out.
# Eight minutes on two slow cores; SAM3_WARMUPS (1), SAM3_REPEATS (2) and, for trying the script,
# SAM3_SIZE=small change that. Nothing else should run meanwhile.
set -eu
cd "$(dirname "$0")/.."
out=${1:-bench/out}
bench=${SAM3_BENCH:-build/release/bench/sam3_bench}
if [ -z "${SAM3_BENCH:-}" ]; then
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  cmake --build build/release --target sam3_bench >/dev/null
fi
mkdir -p "$out"
export OMP_WAIT_POLICY=passive  # as the server sets it; LibTorch is linked here, and reads it at its start
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
"$bench" --write "$folder/model.safetensors" --size "${SAM3_SIZE:-full}"
# run TYPE STAGES
run() {
  "$bench" --device cpu --weights "$folder/model.safetensors" --dtype "$1" --only "$2" \
    --warmups "${SAM3_WARMUPS:-1}" --repeats "${SAM3_REPEATS:-2}" --json "$out/sam3_cpu_$1.json"
}
run bf16 "encoder (,neck,text,grounding,masks,find-all,on a cached"
run fp32 "encoder (,neck,box on a cached"
