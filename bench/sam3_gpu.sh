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
    >"$out/configure.log" 2>&1 && timeout 240 cmake --build "$build" -j 8 >"$out/build.log" 2>&1
}
# Some installations of PyTorch have all that is needed, but not where LibTorch's CMake files look.
# by_hand ON|OFF
by_hand() {
  mkdir -p "$build/by-hand"
  includes=$(python3 -c 'import torch.utils.cpp_extension as e
print(" ".join("-isystem " + p for p in e.include_paths("cuda")))')
  libraries=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
  flags="-std=c++20 -O2 -I. $includes"
  objects=
  # unity NAME FILE...: one translation unit of several files.
  unity() {
    name=$1 && shift
    for file in "$@"; do echo "#include \"$file\""; done >"$build/by-hand/$name.cpp"
    # shellcheck disable=SC2086
    g++ $flags -c "$build/by-hand/$name.cpp" -o "$build/by-hand/$name.o" || touch "$build/by-hand/bad"
  }
  rm -f "$build/by-hand/bad"
  if [ "$1" = ON ]; then
    flags="$flags -DSAMOVAR_SAM3_CUDA"
    objects=$build/by-hand/kernels.o
    "$nvcc" -O3 -std=c++17 -I. -gencode="arch=compute_$arch,code=sm_$arch" \
      -c model/sam3/cuda/kernels.cu -o "$objects" || return 1
  fi
  flags="$flags -DSAMOVAR_SOURCE_DIR=\".\""
  plain="checkpoint expected_tensors json_reader mapped_file names options pickle pickle_names
    safetensors tensor_file torch_archive zip_archive"
  network=$(cd model/sam3 && ls ./*.cpp | sed 's|^./||; s|\.cpp$||' |
    grep -v -x -e module -e tokenizer -e text_cleaning -e answers -e concepts -e description -e memory \
        -e runs -e segmenter -e shared_network)
  for file in $plain; do
    unity "$file" "model/sam3/$file.cpp" &
    network=$(echo "$network" | grep -v -x "$file")
  done
  # shellcheck disable=SC2046
  unity network $(echo "$network" | sed 's|.*|model/sam3/&.cpp|') &
  unity check tests/model/sam3/golden.cpp tests/model/sam3/stages.cpp tests/model/sam3/check.cpp &
  unity bench bench/sam3_random.cpp bench/sam3_stages.cpp bench/sam3_bench.cpp &
  wait
  [ ! -e "$build/by-hand/bad" ] || return 1
  for program in check bench; do
    # shellcheck disable=SC2086
    "$nvcc" -Xlinker --no-as-needed -o "$build/sam3_$program" "$build/by-hand/$program.o" \
      "$build/by-hand/network.o" $(for f in $plain; do echo "$build/by-hand/$f.o"; done) $objects \
      -L"$libraries" -Xlinker -rpath -Xlinker "$libraries" -Xlinker --allow-shlib-undefined \
      -ltorch -ltorch_cpu -ltorch_cuda -lc10 -lc10_cuda -ldl || return 1
  done
}

step "building"
if ! configure ON; then
  echo "the build with CMake failed, now by hand:"
  tail -12 "$out/configure.log"
  grep -E -A3 "error|Error" "$out/build.log" 2>/dev/null | head -60
  failures=$((failures + 1))
  if ! by_hand ON >"$out/by-hand.log" 2>&1; then
    grep -E "error|undefined" "$out/by-hand.log" | head -30
    step "by hand, without kernels"
    by_hand OFF >"$out/by-hand.log" 2>&1 || {
      grep -E "error|undefined" "$out/by-hand.log" | head -30
      exit 1
    }
  fi
fi
step "golden data"
for setting in "cpu fp32" "cuda fp32" "cuda bf16" "cuda fp16"; do
  # shellcheck disable=SC2086
  set -- $setting
  timeout 60 "$build/sam3_check" tests/golden/sam3 --device "$1" --dtype "$2" 2>&1 |
    tee -a "$out/check.txt" | tail -12
  [ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
done
step "benchmark"
timeout 150 "$build/sam3_bench" --device cuda --dtype bf16 --batches 1,8 --repeats 10 \
  --json "$out/sam3_bench.json" 2>&1 | tee "$out/sam3_bench.txt"
[ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
step "transformers"
timeout 150 python3 bench/sam3_peer.py --json "$out/sam3_peer.json" 2>&1 | tee "$out/sam3_peer.txt"
[ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
step "done, $failures failures"
[ "$failures" = 0 ]
