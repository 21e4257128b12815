// Memory-bound steps between the matrix products, fused: each would be three or more passes over the
// activations otherwise.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <type_traits>

#include "model/sam3/cuda/kernels.h"

namespace {

constexpr int vector_bytes = 16;
constexpr int warp = 32;

__device__ inline float up(float v) { return v; }
__device__ inline float up(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ inline float up(__half v) { return __half2float(v); }
__device__ inline void down(float v, float& out) { out = v; }
__device__ inline void down(float v, __nv_bfloat16& out) { out = __float2bfloat16(v); }
__device__ inline void down(float v, __half& out) { out = __float2half(v); }

/// Sixteen bytes of T.
template <class T>
struct alignas(vector_bytes) pack {
  static constexpr int count = vector_bytes / sizeof(T);
  T v[count];
};

template <class T>
__global__ void rotate(T* qkv, const float2* table, long packs, int packs_per_row, int n, int width,
                       int head) {
  constexpr int count = pack<T>::count;
  const long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
  if (i >= packs) return;
  const long row = i / packs_per_row;
  const int column = static_cast<int>(i % packs_per_row) * count;
  auto* place = reinterpret_cast<pack<T>*>(qkv + row * 3 * width + column);
  const float2* turn = table + (row % n) * (head / 2) + (column % head) / 2;
  pack<T> p = *place;
#pragma unroll
  for (int j = 0; j < count / 2; ++j) {
    const float2 t = turn[j];
    const float a = up(p.v[2 * j]), b = up(p.v[2 * j + 1]);
    down(a * t.x - b * t.y, p.v[2 * j]);
    down(a * t.y + b * t.x, p.v[2 * j + 1]);
  }
  *place = p;
}

__device__ inline float sum_of_warp(float v) {
#pragma unroll
  for (int offset = warp / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(0xffffffffU, v, offset);
  return v;
}

/// One warp per row; a lane holds `packs` times sixteen bytes of it.
template <class T, int packs>
__global__ void add_norm(T* x, const T* y, T* z, const T* weight, const T* bias, long rows,
                         int width, float eps) {
  constexpr int count = pack<T>::count;
  const long row = blockIdx.x * static_cast<long>(blockDim.x / warp) + threadIdx.x / warp;
  const int lane = threadIdx.x % warp;
  if (row >= rows) return;
  auto* xs = reinterpret_cast<pack<T>*>(x + row * width);
  const auto* ys = reinterpret_cast<const pack<T>*>(y + row * width);
  auto* zs = reinterpret_cast<pack<T>*>(z + row * width);
  const int all = width / count;
  pack<T> a[packs], b[packs];
#pragma unroll
  for (int p = 0; p < packs; ++p) {
    const int at = p * warp + lane;
    if (at < all) {
      a[p] = xs[at];
      b[p] = ys[at];
    }
  }
  float sum = 0.0F;
#pragma unroll
  for (int p = 0; p < packs; ++p) {
    const int at = p * warp + lane;
    if (at < all) {
#pragma unroll
      for (int j = 0; j < count; ++j) {
        down(up(a[p].v[j]) + up(b[p].v[j]), a[p].v[j]);
        sum += up(a[p].v[j]);
      }
      xs[at] = a[p];
    }
  }
  const float mean = sum_of_warp(sum) / static_cast<float>(width);
  float squares = 0.0F;
#pragma unroll
  for (int p = 0; p < packs; ++p)
    if (p * warp + lane < all) {
#pragma unroll
      for (int j = 0; j < count; ++j) {
        const float d = up(a[p].v[j]) - mean;
        squares += d * d;
      }
    }
  const float scale = rsqrtf(sum_of_warp(squares) / static_cast<float>(width) + eps);
#pragma unroll
  for (int p = 0; p < packs; ++p) {
    const int at = p * warp + lane;
    if (at < all) {
      const pack<T> w = reinterpret_cast<const pack<T>*>(weight)[at];
      const pack<T> c = reinterpret_cast<const pack<T>*>(bias)[at];
      pack<T> out;
#pragma unroll
      for (int j = 0; j < count; ++j)
        down((up(a[p].v[j]) - mean) * scale * up(w.v[j]) + up(c.v[j]), out.v[j]);
      zs[at] = out;
    }
  }
}

template <class T>
int rotate_all(void* qkv, const float* table, long rows, int n, int width, int head,
               cudaStream_t stream) {
  constexpr int threads = 256;
  const int packs_per_row = 2 * width / pack<T>::count;
  const long packs = rows * packs_per_row;
  rotate<T><<<static_cast<unsigned>((packs + threads - 1) / threads), threads, 0, stream>>>(
      static_cast<T*>(qkv), reinterpret_cast<const float2*>(table), packs, packs_per_row, n, width,
      head);
  return static_cast<int>(cudaGetLastError());
}

template <class T, int packs>
void launch_norm(T* x, const T* y, T* z, const T* weight, const T* bias, long rows, int width,
                 float eps, cudaStream_t stream) {
  constexpr int warps = 4;
  add_norm<T, packs><<<static_cast<unsigned>((rows + warps - 1) / warps), warps * warp, 0, stream>>>(
      x, y, z, weight, bias, rows, width, eps);
}

template <class T>
int norm_all(void* x, const void* y, void* z, const void* weight, const void* bias, long rows,
             int width, float eps, cudaStream_t stream) {
  const int packs = (width / pack<T>::count + warp - 1) / warp;
  const auto launch = [&](auto chosen) {
    launch_norm<T, decltype(chosen)::value>(
        static_cast<T*>(x), static_cast<const T*>(y), static_cast<T*>(z),
        static_cast<const T*>(weight), static_cast<const T*>(bias), rows, width, eps, stream);
  };
  if (packs <= 1)
    launch(std::integral_constant<int, 1>{});
  else if (packs <= 2)
    launch(std::integral_constant<int, 2>{});
  else if (packs <= 4)
    launch(std::integral_constant<int, 4>{});
  else
    launch(std::integral_constant<int, 8>{});
  return static_cast<int>(cudaGetLastError());
}

}  // namespace

extern "C" int samovar_sam3_rotate(void* qkv, const float* table, long rows, int n, int width,
                                   int head, int type, void* stream) {
  auto* s = static_cast<cudaStream_t>(stream);
  if (type == samovar_sam3_bf16)
    return rotate_all<__nv_bfloat16>(qkv, table, rows, n, width, head, s);
  if (type == samovar_sam3_f16) return rotate_all<__half>(qkv, table, rows, n, width, head, s);
  return rotate_all<float>(qkv, table, rows, n, width, head, s);
}

extern "C" int samovar_sam3_add_norm(void* x, const void* y, void* z, const void* weight,
                                     const void* bias, long rows, int width, float eps, int type,
                                     void* stream) {
  auto* s = static_cast<cudaStream_t>(stream);
  if (type == samovar_sam3_bf16)
    return norm_all<__nv_bfloat16>(x, y, z, weight, bias, rows, width, eps, s);
  if (type == samovar_sam3_f16)
    return norm_all<__half>(x, y, z, weight, bias, rows, width, eps, s);
  return norm_all<float>(x, y, z, weight, bias, rows, width, eps, s);
}
