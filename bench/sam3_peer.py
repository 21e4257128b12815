"""The SAM 3 of Hugging Face Transformers with random weights, timed like bench/sam3_bench.

python3 bench/sam3_peer.py [--batches 1,8] [--repeats 10] [--json FILE]

bf16, its default configuration (the released sizes), scaled_dot_product_attention. Then what its
pieces leave to choose: attention implementations and matrix products at the trunk's shapes.
"""

import argparse
import json
import sys
import time

import torch

rows = []


def timed(name, batch, run, repeats):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize()
        took.append((time.perf_counter() - begin) * 1e3)
    took.sort()
    rows.append({"name": name, "batch": batch, "median_ms": took[len(took) // 2], "best_ms": took[0]})
    print(f"{name:55s} {batch:3d} {took[len(took) // 2]:10.3f} ms, best {took[0]:10.3f} ms", flush=True)


def random_model(make):
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = make()
    torch.set_default_dtype(torch.float32)
    return model.to(torch.bfloat16).eval()


def detector(batches, repeats):
    from transformers import Sam3Config, Sam3Model

    model = random_model(lambda: Sam3Model(Sam3Config()))
    print(f"Sam3Model: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, attention "
          f"{model.config._attn_implementation}", flush=True)
    for batch in batches:
        pixels = torch.randn(batch, 3, 1008, 1008, device="cuda", dtype=torch.bfloat16)
        ids = torch.randint(1, 49405, (batch, 32), device="cuda")
        ids[:, 0], ids[:, 4:] = 49406, 49407
        mask = torch.zeros_like(ids)
        mask[:, :5] = 1
        seen = model.get_vision_features(pixel_values=pixels)
        timed("encoder (vision encoder with its neck)", batch,
              lambda: model.get_vision_features(pixel_values=pixels), repeats)
        timed("text", batch, lambda: model.get_text_features(input_ids=ids, attention_mask=mask), repeats)
        timed("prompt on a cached encoding (text to low-resolution masks)", batch,
              lambda: model(vision_embeds=seen, input_ids=ids, attention_mask=mask), repeats)
        timed("find-all, pixel values to low-resolution masks", batch,
              lambda: model(pixel_values=pixels, input_ids=ids, attention_mask=mask), repeats)


def interactive(repeats):
    from transformers import Sam3TrackerConfig, Sam3TrackerModel

    model = random_model(lambda: Sam3TrackerModel(Sam3TrackerConfig()))
    pixels = torch.randn(1, 3, 1008, 1008, device="cuda", dtype=torch.bfloat16)
    seen = model.get_image_embeddings(pixels)
    box = torch.tensor([[[100.0, 120.0, 400.0, 420.0]]], device="cuda")
    timed("box on a cached encoding (to low-resolution masks)", 1,
          lambda: model(image_embeddings=seen, input_boxes=box, multimask_output=False), repeats)


def attention(repeats):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention as attend

    for windows, tokens in ((9, 576), (72, 576), (1, 5184), (8, 5184)):
        qkv = torch.randn(windows, tokens, 3, 16, 64, device="cuda", dtype=torch.bfloat16)
        q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))
        timed(f"attention {windows} x 16 x {tokens} x 64, PyTorch's choice", 1,
              lambda: attend(q, k, v), repeats)
        for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION,
                        SDPBackend.EFFICIENT_ATTENTION):
            try:
                with sdpa_kernel(backend):
                    timed(f"attention {windows} x 16 x {tokens} x 64, {backend.name}", 1,
                          lambda: attend(q, k, v), repeats)
            except RuntimeError as e:
                print(f"{backend.name}: {str(e).splitlines()[0]}")
    for batch, heads, tokens, keys in ((1, 8, 201, 5184), (8, 8, 201, 5184), (1, 8, 5184, 5184)):
        q = torch.randn(batch, tokens, heads, 32, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
        k = torch.randn(batch, keys, heads, 32, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
        bias = torch.randn(batch, heads, tokens, keys, device="cuda", dtype=torch.bfloat16)
        masked = bias if tokens == 201 else None
        timed(f"attention {batch} x {heads} x {tokens} x {keys} x 32, biased: {masked is not None}", batch,
              lambda: attend(q, k, k, attn_mask=masked), repeats)


def products(repeats):
    from torch.nn.functional import gelu, linear

    for batch in (1, 8):
        n = 5184 * batch
        for name, i, o in (("qkv", 1024, 3072), ("proj", 1024, 1024), ("fc1", 1024, 4736),
                           ("fc2", 4736, 1024)):
            x = torch.randn(n, i, device="cuda", dtype=torch.bfloat16)
            w = torch.randn(o, i, device="cuda", dtype=torch.bfloat16) / 32
            b = torch.randn(o, device="cuda", dtype=torch.bfloat16)
            timed(f"linear {name} {n} x {i} x {o}: {2e-9 * n * i * o:.0f} GFLOP", batch,
                  lambda: linear(x, w, b), repeats)
        h = torch.randn(n, 4736, device="cuda", dtype=torch.bfloat16)
        timed("gelu", batch, lambda: gelu(h), repeats)
        # Each window of the grid as one image of the 3x3 convolution at four times the size.
        y = torch.randn(batch, 256, 288, 288, device="cuda", dtype=torch.bfloat16)
        y = y.to(memory_format=torch.channels_last)
        c = torch.randn(256, 256, 3, 3, device="cuda", dtype=torch.bfloat16)
        c = c.to(memory_format=torch.channels_last)
        timed("conv 3x3, 256 channels, 288 x 288, channels last", batch,
              lambda: torch.conv2d(y, c, padding=1), repeats)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--batches", default="1,8")
    arguments.add_argument("--repeats", type=int, default=10)
    arguments.add_argument("--json")
    a = arguments.parse_args()
    if not torch.cuda.is_available():
        print("no device")
        return 0
    print(f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, "
          f"{torch.cuda.get_device_name()}", flush=True)
    failed = 0
    with torch.inference_mode():
        for part in (lambda: detector([int(b) for b in a.batches.split(",")], a.repeats),
                     lambda: interactive(a.repeats), lambda: attention(a.repeats),
                     lambda: products(a.repeats)):
            try:
                part()
            except Exception as e:  # one part's failure must not cost the other numbers
                failed += 1
                print(f"failed: {type(e).__name__}: {e}", flush=True)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(rows, f, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
