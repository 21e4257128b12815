#include "model/sam3/decoder.hpp"

#include <numbers>

#include "model/sam3/positions.hpp"

namespace samovar::model::sam3 {

at::Tensor inverse_sigmoid(const at::Tensor& v, double eps) {
  return v.clamp_min(eps).div_((1 - v).clamp_min_(eps)).log_();
}

at::Tensor decoder::box_sines(const at::Tensor& boxes) const {
  const at::Tensor ordered = boxes.index_select(-1, sine_order).unsqueeze(-1);
  return at::addcmul(sine_phases, ordered, sine_frequencies).sin_().flatten(-2);
}

at::Tensor decoder::box_bias(const at::Tensor& boxes, const trace& t,
                             const std::string& layer) const {
  const auto b = boxes.size(0), n = boxes.size(1), g = sizes.grid();
  // x and y side by side: edges [2 axes, b, n, 2 edges], what follows [2 axes, b, n, g, 2 edges].
  const at::Tensor both = boxes.permute({2, 0, 1});
  const at::Tensor centre = both.narrow(0, 0, 2), size = both.narrow(0, 2, 2);
  const at::Tensor edges = at::stack({at::sub(centre, size, 0.5), at::add(centre, size, 0.5)}, -1);
  const at::Tensor deltas = at::sub(bias_cells, edges.unsqueeze(3), 8);  // times 8
  const at::Tensor logs = deltas.abs().add_(1).log2_().copysign_(deltas);
  const at::Tensor axes =
      bias_axes(logs.reshape({2, b * n * g, 2})).view({2, b, n, g, sizes.heads});
  const at::Tensor x = axes[0], y = axes[1];
  at::Tensor bias =
      at::empty({b, sizes.heads, n + 1, g, g}, boxes.options().dtype(norm.weight.scalar_type()));
  bias.select(2, 0).zero_();  // the presence token sees every cell alike
  at::Tensor of_queries = bias.narrow(2, 1, n);
  at::add_out(of_queries, y.permute({0, 3, 1, 2}).unsqueeze(-1),
              x.permute({0, 3, 1, 2}).unsqueeze(-2));
  if (t) {
    t("decoder.rpb_x." + layer, x);
    t("decoder.rpb_y." + layer, y);
    t("decoder.rpb." + layer, bias.narrow(2, 1, n).flatten(3));
  }
  return bias.flatten(3);
}

decoded decoder::operator()(const at::Tensor& memory, const at::Tensor& positions,
                            const prompt_tokens& prompt, const trace& t) const {
  const auto b = memory.size(0), n = query_embed.size(0), d = sizes.width;
  // In the type of the weights once, not in each layer.
  const auto type = norm.weight.scalar_type();
  const at::Tensor keys = (memory + positions).to(type), values = memory.to(type);
  const at::Tensor words = prompt.tokens.to(type);
  const at::Tensor no_position = at::zeros({b, 1, d}, memory.options());
  at::Tensor z = at::cat({presence_token, query_embed}, 0).unsqueeze(0).expand({b, -1, -1});
  at::Tensor boxes = reference_boxes.unsqueeze(0).expand({b, -1, -1});
  decoded out;
  std::vector<at::Tensor> box_inputs, presences;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    const std::string number = std::to_string(i);
    const at::Tensor query_position = position_head(box_sines(boxes)).to(at::kFloat);
    if (t) {
      box_inputs.push_back(boxes);
      t("decoder.query_pos." + number, query_position.transpose(0, 1));
    }
    const at::Tensor place = at::cat({no_position, query_position}, 1);
    const at::Tensor bias = box_bias(boxes, t, number);
    const at::Tensor placed = z + place;
    z = l.norm2(z + l.self_attn(placed, placed, z));
    z = l.catext_norm(z + l.ca_text(z + place, words, words, prompt.bias));
    z = l.norm1(z + l.cross_attn(z + place, keys, values, bias));
    z = l.norm3(z + l.linear2(l.linear1(z).relu_()));
    const at::Tensor token = z.narrow(1, 0, 1), queries = z.narrow(1, 1, n);
    const bool last = i + 1 == layers.size();
    const at::Tensor h = norm(queries);
    boxes = at::sigmoid(box_head(h) + inverse_sigmoid(boxes, sizes.inverse_sigmoid_eps));
    if (last || t) {
      out.queries.push_back(h);
      presences.push_back(presence_head(presence_norm(token)).squeeze(-1));
    }
    if (t) {
      t("decoder.layer" + number + ".out", queries.transpose(0, 1));
      t("decoder.layer" + number + ".presence", token.transpose(0, 1));
    }
  }
  out.boxes = boxes;
  out.presence = presences.back();
  if (t) {
    const auto stacked = [](const std::vector<at::Tensor>& x) {  // [layers, n, batch, ...]
      return at::stack(x).transpose(1, 2);
    };
    t("decoder.reference_boxes", stacked(box_inputs));
    t("decoder.hs", stacked(out.queries));
    t("decoder.presence_logits", stacked(presences));
    t("decoder.last_query_sine", box_sines(box_inputs.back()).transpose(0, 1));
  }
  return out;
}

decoder load_decoder(const weight_source& from) {
  const std::string base = "detector.transformer.decoder.";
  decoder d;
  d.sizes = from.sizes();
  d.query_embed = from.exact(base + "query_embed.weight");
  // sin(v * 2 pi / divisor) and its cosine, a sine a quarter of a turn later, in turns.
  const at::Tensor divisors = sine_divisors(d.sizes.width / 2);
  const at::Tensor frequencies = 2 * std::numbers::pi / divisors;
  const at::Tensor phases = at::tensor({0.0, 0.5 * std::numbers::pi}, at::kDouble);
  d.sine_frequencies = frequencies.repeat_interleave(2).to(from.device(), at::kFloat);
  d.sine_phases = phases.repeat({divisors.size(0)}).to(from.device(), at::kFloat);
  d.sine_order = at::tensor({1, 0, 2, 3}, at::kLong).to(from.device());
  d.presence_token = from.exact(base + "presence_token.weight");
  d.reference_boxes = from.exact(base + "reference_points.weight").sigmoid();
  for (std::int64_t i = 0; i < d.sizes.decoder_depth; ++i) {
    const std::string name = base + "layers." + std::to_string(i);
    decoder_layer l;
    l.self_attn = load_packed_attention(from, name + ".self_attn", d.sizes.heads);
    l.ca_text = load_packed_attention(from, name + ".ca_text", d.sizes.heads);
    l.cross_attn = load_packed_attention(from, name + ".cross_attn", d.sizes.heads);
    l.norm1 = load_norm(from, name + ".norm1");
    l.norm2 = load_norm(from, name + ".norm2");
    l.norm3 = load_norm(from, name + ".norm3");
    l.catext_norm = load_norm(from, name + ".catext_norm");
    l.linear1 = load_linear(from, name + ".linear1", precision::exact);
    l.linear2 = load_linear(from, name + ".linear2", precision::exact);
    d.layers.push_back(std::move(l));
  }
  d.norm = load_norm(from, base + "norm");
  d.presence_norm = load_norm(from, base + "presence_token_out_norm");
  // Boxes, presence and the bias of the boxes' deltas stay in float32.
  d.box_head = load_mlp(from, base + "bbox_embed", 3, precision::exact);
  d.presence_head = load_mlp(from, base + "presence_token_head", 3, precision::exact);
  d.position_head = load_mlp(from, base + "ref_point_head", 2);
  d.bias_axes = join_mlps({load_mlp(from, base + "boxRPB_embed_x", 2, precision::exact),
                           load_mlp(from, base + "boxRPB_embed_y", 2, precision::exact)});
  d.bias_axes.weights.front().div_(3);  // the deltas are log2(8 |d| + 1) / 3
  const auto g = d.sizes.grid();
  d.bias_cells = (at::arange(g, at::kDouble) * (8.0 / static_cast<double>(g)))
                     .to(from.device(), at::kFloat)
                     .unsqueeze(-1);
  return d;
}

}  // namespace samovar::model::sam3
