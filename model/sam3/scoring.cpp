#include "model/sam3/scoring.hpp"

#include <cmath>

namespace samovar::model::sam3 {

at::Tensor scoring::pool(const prompt_tokens& prompt, const trace& t) const {
  const at::Tensor g = out_norm(prompt.tokens + prompt_mlp(prompt.tokens));
  if (t) t("scoring.prompt_mlp", g.transpose(0, 1));
  const at::Tensor valid = prompt.padding.logical_not().to(at::kFloat).unsqueeze(-1);
  return (g * valid).sum(1) / valid.sum(1).clamp_min(1);
}

at::Tensor scoring::operator()(const at::Tensor& queries, const at::Tensor& pooled) const {
  const at::Tensor wanted = prompt_proj(pooled).to(at::kFloat).unsqueeze(-1);
  const at::Tensor offered = hs_proj(queries).to(at::kFloat);
  const double scale = 1.0 / std::sqrt(static_cast<double>(offered.size(-1)));
  return (at::matmul(offered, wanted).squeeze(-1) * scale).clamp(-clamp, clamp);
}

scoring load_scoring(const weight_source& from) {
  const std::string base = "detector.dot_prod_scoring.";
  // Scores are float32 all the way: a few small products.
  return {load_mlp(from, base + "prompt_mlp", 2, precision::exact),
          load_norm(from, base + "prompt_mlp.out_norm"),
          load_linear(from, base + "prompt_proj", precision::exact),
          load_linear(from, base + "hs_proj", precision::exact), from.sizes().score_clamp};
}

}  // namespace samovar::model::sam3
