#!/bin/bash
# The SAM 3 network on a machine with a CUDA device and a Python that has PyTorch (and, for the
# comparison, transformers), from a bare checkout: builds against that PyTorch's LibTorch, runs the
# golden data on CPU and device, then the benchmark, then the same sizes in transformers.
#   bench/sam3_gpu.sh [OUTPUT_FOLDER]      build folder: $SAM3_BUILD, else build/sam3-gpu
set -u
cd "$(dirname "$0")/.." || exit 1
out=${1:-${OUT:-build/sam3-gpu-results}}
build=${SAM3_BUILD:-build/sam3-gpu}
mkdir -p "$out" "$build"
failures=0
step() { echo "== $(date +%T) $*"; }

torch=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)') || exit 1
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
arch=$(python3 -c 'import torch; print("%d%d" % torch.cuda.get_device_capability())' 2>/dev/null || echo 90)
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader 2>/dev/null

# configure KERNELS
configure() {
  cmake -S model/sam3 -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$torch" \
    -DSAMOVAR_SAM3_CUDA="$1" ${nvcc:+-DCMAKE_CUDA_COMPILER="$nvcc"} \
    -DCMAKE_CUDA_ARCHITECTURES="$arch" -DTORCH_CUDA_ARCH_LIST="${arch%?}.${arch#?}" \
    >"$out/configure.log" 2>&1 && cmake --build "$build" -j 8 >"$out/build.log" 2>&1
}
step "building"
if ! configure ON; then
  echo "the build with CUDA kernels failed:"
  tail -25 "$out/configure.log"
  grep -E "error|Error" "$out/build.log" 2>/dev/null | head -25
  failures=$((failures + 1))
  rm -rf "$build" && configure OFF || {
    echo "the build without kernels failed too:"
    tail -15 "$out/configure.log"
    grep -E "error|Error" "$out/build.log" | head -25
    exit 1
  }
fi
step "golden data"
for setting in "cpu fp32" "cuda fp32" "cuda bf16" "cuda fp16"; do
  # shellcheck disable=SC2086
  set -- $setting
  "$build/sam3_check" tests/golden/sam3 --device "$1" --dtype "$2" 2>&1 |
    tee -a "$out/check.txt" | tail -12
  [ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
done
step "benchmark"
"$build/sam3_bench" --device cuda --dtype bf16 --batches 1,8 --repeats 10 \
  --json "$out/sam3_bench.json" 2>&1 | tee "$out/sam3_bench.txt"
[ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
step "transformers"
timeout 150 python3 bench/sam3_peer.py --json "$out/sam3_peer.json" 2>&1 | tee "$out/sam3_peer.txt"
[ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
step "done, $failures failures"
[ "$failures" = 0 ]
