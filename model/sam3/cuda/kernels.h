/* The device code's interface, without a single type of CUDA or LibTorch. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

enum samovar_sam3_type { samovar_sam3_f32 = 0, samovar_sam3_bf16 = 1, samovar_sam3_f16 = 2 };

/* Rotates adjacent pairs of the first 2 * width values of every row of qkv [rows, 3 * width] in
 * place; row r has position r % n in table [n, head / 2] of (cosine, sine). width, head and qkv are
 * multiples of 16 bytes. 0, or CUDA's error number. */
int samovar_sam3_rotate(void* qkv, const float* table, long rows, int n, int width, int head,
                        int type, void* stream);

/* x += y, z = layer_norm(x) * weight + bias; all [rows, width] or [width], of one type. width is a
 * multiple of 16 bytes and at most samovar_sam3_norm_bytes_max bytes. 0, or CUDA's error number. */
enum { samovar_sam3_norm_bytes_max = 4096 };
int samovar_sam3_add_norm(void* x, const void* y, void* z, const void* weight, const void* bias,
                          long rows, int width, float eps, int type, void* stream);

#ifdef __cplusplus
}
#endif
