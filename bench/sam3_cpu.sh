#!/bin/sh
# The SAM 3 network on this machine's processor, full size, random weights: sam3_cpu.sh [OUTPUT_FOLDER]
# Builds sam3_bench, writes a float32 checkpoint as large as the released one (3.4 GB, to $TMPDIR,
# removed afterwards), times every stage in bf16 and the encoder and a box in fp32. Prints the tables;
# sam3_cpu_bf16.json and sam3_cpu_fp32.json go to the folder, by default bench/out.
# About eight minutes on two cores. Nothing else should run meanwhile.
set -eu
cd "$(dirname "$0")/.."
out=${1:-bench/out}
bench=${SAM3_BENCH:-build/release/bench/sam3_bench}
if [ -z "${SAM3_BENCH:-}" ]; then
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  cmake --build build/release --target sam3_bench >/dev/null
fi
mkdir -p "$out"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
"$bench" --write "$folder/model.safetensors"
# run TYPE ARGUMENT...
run() {
  type=$1
  shift
  "$bench" --device cpu --weights "$folder/model.safetensors" --dtype "$type" --warmups 1 \
    --json "$out/sam3_cpu_$type.json" "$@"
}
run bf16 --repeats 3
run fp32 --repeats 2 --only "encoder (,box on a cached"
