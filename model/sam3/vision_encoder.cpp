#include "model/sam3/vision_encoder.hpp"

#include <algorithm>

#include "model/sam3/attention.hpp"
#include "model/sam3/fused.hpp"
#include "model/sam3/positions.hpp"

namespace samovar::model::sam3 {
namespace {

/// [b, h, w, c] -> [b * windows, side*side, c]; h and w are multiples of side.
at::Tensor to_windows(const at::Tensor& x, std::int64_t side) {
  const auto b = x.size(0), rows = x.size(1) / side, columns = x.size(2) / side;
  return x.view({b, rows, side, columns, side, -1})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({b * rows * columns, side * side, -1});
}

/// The inverse, for a square grid of `grid` tokens a side.
at::Tensor from_windows(const at::Tensor& x, std::int64_t batch, std::int64_t grid,
                        std::int64_t side) {
  const auto n = grid / side;
  return x.view({batch, n, n, side, side, -1})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({batch, grid, grid, -1});
}

at::Tensor attend(const vision_block& b, const at::Tensor& x, const at::Tensor& rotary,
                  std::int64_t heads) {
  const auto [q, k, v] = split_and_rotate(b.qkv(x), rotary, heads);
  return b.proj(attention(q, k, v, {}).transpose(1, 2).flatten(2));
}

}  // namespace

at::Tensor vision_encoder::rows(const at::Tensor& tokens) const {
  const auto g = sizes.grid();
  const at::Tensor ordered = window_order ? tokens.index_select(1, to_rows) : tokens;
  return ordered.view({tokens.size(0), g, g, -1});
}

at::Tensor vision_encoder::embed(const at::Tensor& pixels, const trace& t) const {
  const auto b = pixels.size(0), g = sizes.grid(), p = sizes.patch;
  const at::Tensor cut = pixels.to(patch.weight.scalar_type());
  at::Tensor patches;  // [b, tokens, 3*p*p], a patch's values ordered (channel, row, column)
  if (window_order) {
    const auto side = sizes.window, n = g / side;
    patches = cut.view({b, 3, n, side, p, n, side, p}).permute({0, 2, 5, 3, 6, 1, 4, 7});
  } else {
    patches = cut.view({b, 3, g, p, g, p}).permute({0, 2, 4, 1, 3, 5});
  }
  at::Tensor x = patch(patches.reshape({b, g * g, 3 * p * p}));
  if (t) t("patch_embed", rows(x));
  x = x + positions;
  if (t) t("after_pos_embed", rows(x));
  x = ln_pre(x);
  if (t) t("ln_pre", rows(x));
  return x;
}

at::Tensor vision_encoder::windowed(const vision_block& b, const at::Tensor& x, const trace& t,
                                    const std::string& name) const {
  const auto batch = x.size(0), g = sizes.grid(), side = sizes.window;
  const auto padded = (g + side - 1) / side * side;
  at::Tensor windows;
  if (window_order) {
    windows = x.view({-1, side * side, x.size(2)});
  } else {
    at::Tensor grid = x.view({batch, g, g, -1});
    if (padded != g) grid = at::constant_pad_nd(grid, {0, 0, 0, padded - g, 0, padded - g});
    windows = to_windows(grid, side);
  }
  const at::Tensor y = attend(b, windows, window_rotary, sizes.vit_heads);
  if (t) t(name, y.view({-1, side, side, y.size(2)}));
  if (window_order) return y.view(x.sizes());
  return from_windows(y, batch, padded, side).narrow(1, 0, g).narrow(2, 0, g).reshape(x.sizes());
}

at::Tensor vision_encoder::operator()(const at::Tensor& pixels, const trace& t,
                                      const std::function<void()>& between) const {
  at::Tensor x = embed(pixels, t);
  at::Tensor y = blocks.front().norm1(x);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (between) between();
    const auto& b = blocks[i];
    const std::string name = "block" + std::to_string(i);
    at::Tensor mixed;
    if (b.global) {
      mixed = attend(b, y, global_rotary, sizes.vit_heads);
      if (t) t(name + "_attn", rows(mixed));
    } else {
      mixed = windowed(b, y, t, name + "_attn");
    }
    y = add_and_norm(x, mixed, b.norm2);
    const at::Tensor added = feed_forward(b.fc1, b.fc2, y);
    if (i + 1 < blocks.size())
      y = add_and_norm(x, added, blocks[i + 1].norm1);
    else
      x.add_(added);
    if (t) t(name, rows(x));
  }
  const at::Tensor out = rows(x);
  if (t) t("trunk", out.permute({0, 3, 1, 2}));
  return out;
}

vision_encoder load_vision_encoder(const weight_source& from, bool padded_windows) {
  const auto& o = from.sizes();
  const std::string trunk = "detector.backbone.vision_backbone.trunk.";
  vision_encoder v;
  v.sizes = o;
  v.window_order = !padded_windows && o.grid() % o.window == 0;
  v.patch.weight = from.compute(trunk + "patch_embed.proj.weight").flatten(1);
  v.ln_pre = load_norm(from, trunk + "ln_pre", o.vit_norm_eps);

  at::Tensor table = from.compute(trunk + "pos_embed")[0];
  if (o.position_has_class_row) table = table.narrow(0, 1, table.size(0) - 1);
  const auto g = o.grid(), tiles = (g + o.position_side - 1) / o.position_side;
  v.positions = table.view({o.position_side, o.position_side, -1})
                    .repeat({tiles, tiles, 1})
                    .narrow(0, 0, g)
                    .narrow(1, 0, g)
                    .reshape({g * g, -1});

  const auto head = o.vit_width / o.vit_heads;
  v.window_rotary = rotary_table(o.window, head, 1.0, o.rope_theta).to(from.device());
  v.global_rotary =
      rotary_table(g, head, static_cast<double>(o.window) / static_cast<double>(g), o.rope_theta)
          .to(from.device());
  if (v.window_order) {
    const at::Tensor places = at::arange(g * g, at::kLong).view({1, g, g, 1});
    const at::Tensor order = to_windows(places, o.window).flatten().to(from.device());
    v.to_rows = order.argsort();
    v.positions = v.positions.index_select(0, order);
    v.global_rotary = v.global_rotary.index_select(0, order);
  }
  for (std::int64_t i = 0; i < o.vit_depth; ++i) {
    const std::string name = trunk + "blocks." + std::to_string(i);
    vision_block b;
    b.norm1 = load_norm(from, name + ".norm1", o.vit_norm_eps);
    b.norm2 = load_norm(from, name + ".norm2", o.vit_norm_eps);
    b.qkv = load_linear(from, name + ".attn.qkv");
    b.proj = load_linear(from, name + ".attn.proj");
    b.fc1 = load_linear(from, name + ".mlp.fc1");
    b.fc2 = load_linear(from, name + ".mlp.fc2");
    b.global =
        std::find(o.global_blocks.begin(), o.global_blocks.end(), i) != o.global_blocks.end();
    v.blocks.push_back(std::move(b));
  }
  return v;
}

}  // namespace samovar::model::sam3
