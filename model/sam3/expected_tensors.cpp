#include "model/sam3/options.hpp"

namespace samovar::model::sam3 {
namespace {

using shape = std::vector<std::int64_t>;

class lister {
 public:
  explicit lister(const options& o) : o_(o) {}
  std::vector<expected_tensor> take() { return std::move(out_); }

  void one(const std::string& name, shape s) { out_.push_back({name, std::move(s)}); }
  void affine(const std::string& name, shape weight, std::int64_t bias) {
    one(name + ".weight", std::move(weight));
    one(name + ".bias", {bias});
  }
  void linear(const std::string& name, std::int64_t in, std::int64_t out) {
    affine(name, {out, in}, out);
  }
  void conv(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t side) {
    affine(name, {out, in, side, side}, out);
  }
  /// 2x2, stride 2, transposed.
  void deconv(const std::string& name, std::int64_t in, std::int64_t out) {
    affine(name, {in, out, 2, 2}, out);
  }
  void norm(const std::string& name, std::int64_t width) { affine(name, {width}, width); }
  void mlp(const std::string& name, const std::vector<std::int64_t>& widths) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i)
      linear(name + ".layers." + std::to_string(i), widths[i], widths[i + 1]);
  }
  void packed_attention(const std::string& name, std::int64_t width) {
    one(name + ".in_proj_weight", {3 * width, width});
    one(name + ".in_proj_bias", {3 * width});
    linear(name + ".out_proj", width, width);
  }
  void split_attention(const std::string& name, std::int64_t inner) {
    for (const auto* part : {"q_proj", "k_proj", "v_proj"})
      linear(name + "." + part, o_.width, inner);
    linear(name + ".out_proj", inner, o_.width);
  }

  void vision();
  void neck(const std::string& name);
  void text();
  void geometry();
  void transformer();
  void heads();
  void interactive();

 private:
  const options& o_;
  std::vector<expected_tensor> out_;
};

void lister::vision() {
  const std::string trunk = "detector.backbone.vision_backbone.trunk.";
  const auto w = o_.vit_width;
  one(trunk + "patch_embed.proj.weight", {w, 3, o_.patch, o_.patch});
  one(trunk + "pos_embed",
      {1, o_.position_side * o_.position_side + (o_.position_has_class_row ? 1 : 0), w});
  norm(trunk + "ln_pre", w);
  for (std::int64_t i = 0; i < o_.vit_depth; ++i) {
    const std::string block = trunk + "blocks." + std::to_string(i);
    norm(block + ".norm1", w);
    linear(block + ".attn.qkv", w, 3 * w);
    linear(block + ".attn.proj", w, w);
    norm(block + ".norm2", w);
    linear(block + ".mlp.fc1", w, o_.vit_hidden);
    linear(block + ".mlp.fc2", o_.vit_hidden, w);
  }
  neck("detector.backbone.vision_backbone.convs.");
  neck("detector.backbone.vision_backbone.sam2_convs.");
}

void lister::neck(const std::string& name) {
  const auto w = o_.vit_width;
  const auto d = o_.width;
  deconv(name + "0.dconv_2x2_0", w, w / 2);
  deconv(name + "0.dconv_2x2_1", w / 2, w / 4);
  conv(name + "0.conv_1x1", w / 4, d, 1);
  conv(name + "0.conv_3x3", d, d, 3);
  deconv(name + "1.dconv_2x2", w, w / 2);
  conv(name + "1.conv_1x1", w / 2, d, 1);
  conv(name + "1.conv_3x3", d, d, 3);
  conv(name + "2.conv_1x1", w, d, 1);
  conv(name + "2.conv_3x3", d, d, 3);
}

void lister::text() {
  const std::string language = "detector.backbone.language_backbone.";
  const std::string encoder = language + "encoder.";
  const auto w = o_.text_width;
  one(encoder + "token_embedding.weight", {o_.vocabulary, w});
  one(encoder + "positional_embedding", {o_.context, w});
  for (std::int64_t i = 0; i < o_.text_depth; ++i) {
    const std::string block = encoder + "transformer.resblocks." + std::to_string(i);
    norm(block + ".ln_1", w);
    packed_attention(block + ".attn", w);
    norm(block + ".ln_2", w);
    linear(block + ".mlp.c_fc", w, o_.text_hidden);
    linear(block + ".mlp.c_proj", o_.text_hidden, w);
  }
  norm(encoder + "ln_final", w);
  linear(language + "resizer", w, o_.width);
}

void lister::geometry() {
  const std::string g = "detector.geometry_encoder.";
  const auto d = o_.width;
  one(g + "label_embed.weight", {2, d});
  one(g + "cls_embed.weight", {1, d});
  if (o_.geometry_points) {
    linear(g + "points_direct_project", 2, d);
    linear(g + "points_pool_project", d, d);
    linear(g + "points_pos_enc_project", d, d);
  }
  linear(g + "boxes_direct_project", 4, d);
  conv(g + "boxes_pool_project", d, d, o_.roi);
  linear(g + "boxes_pos_enc_project", d + 2, d);
  linear(g + "final_proj", d, d);
  for (const auto* n : {"norm", "img_pre_norm", "encode_norm"}) norm(g + n, d);
  for (std::int64_t i = 0; i < o_.geometry_depth; ++i) {
    const std::string layer = g + "encode." + std::to_string(i);
    packed_attention(layer + ".self_attn", d);
    packed_attention(layer + ".cross_attn_image", d);
    linear(layer + ".linear1", d, o_.geometry_hidden);
    linear(layer + ".linear2", o_.geometry_hidden, d);
    for (const auto* n : {".norm1", ".norm2", ".norm3"}) norm(layer + n, d);
  }
}

void lister::transformer() {
  const auto d = o_.width;
  for (std::int64_t i = 0; i < o_.encoder_depth; ++i) {
    const std::string layer = "detector.transformer.encoder.layers." + std::to_string(i);
    packed_attention(layer + ".self_attn", d);
    packed_attention(layer + ".cross_attn_image", d);
    linear(layer + ".linear1", d, o_.hidden);
    linear(layer + ".linear2", o_.hidden, d);
    for (const auto* n : {".norm1", ".norm2", ".norm3"}) norm(layer + n, d);
  }
  const std::string decoder = "detector.transformer.decoder.";
  for (std::int64_t i = 0; i < o_.decoder_depth; ++i) {
    const std::string layer = decoder + "layers." + std::to_string(i);
    for (const auto* a : {".self_attn", ".ca_text", ".cross_attn"}) packed_attention(layer + a, d);
    linear(layer + ".linear1", d, o_.decoder_hidden);
    linear(layer + ".linear2", o_.decoder_hidden, d);
    for (const auto* n : {".norm1", ".norm2", ".norm3", ".catext_norm"}) norm(layer + n, d);
  }
  one(decoder + "query_embed.weight", {o_.queries, d});
  one(decoder + "reference_points.weight", {o_.queries, 4});
  one(decoder + "presence_token.weight", {1, d});
  norm(decoder + "norm", d);
  norm(decoder + "presence_token_out_norm", d);
  mlp(decoder + "bbox_embed", {d, d, d, 4});
  mlp(decoder + "presence_token_head", {d, d, d, 1});
  mlp(decoder + "ref_point_head", {2 * d, d, d});
  mlp(decoder + "boxRPB_embed_x", {2, d, o_.heads});
  mlp(decoder + "boxRPB_embed_y", {2, d, o_.heads});
}

void lister::heads() {
  const auto d = o_.width;
  const std::string scoring = "detector.dot_prod_scoring.";
  mlp(scoring + "prompt_mlp", {d, o_.score_hidden, d});
  norm(scoring + "prompt_mlp.out_norm", d);
  linear(scoring + "prompt_proj", d, d);
  linear(scoring + "hs_proj", d, d);
  const std::string head = "detector.segmentation_head.";
  packed_attention(head + "cross_attend_prompt", d);
  norm(head + "cross_attn_norm", d);
  for (const auto* i : {"0", "1"}) {
    conv(head + "pixel_decoder.conv_layers." + i, d, d, 3);
    norm(head + "pixel_decoder.norms." + i, d);
  }
  mlp(head + "mask_predictor.mask_embed", {d, d, d, d});
  conv(head + "instance_seg_head", d, d, 1);
  conv(head + "semantic_seg_head", d, 1, 1);
}

void lister::interactive() {
  const auto d = o_.width;
  const std::string prompt = "tracker.sam_prompt_encoder.";
  one("tracker.no_mem_embed", {1, 1, d});
  one(prompt + "pe_layer.positional_encoding_gaussian_matrix", {2, d / 2});
  for (const auto* i : {"0", "1", "2", "3"})
    one(prompt + "point_embeddings." + i + ".weight", {1, d});
  one(prompt + "not_a_point_embed.weight", {1, d});
  one(prompt + "no_mask_embed.weight", {1, d});
  const auto m = o_.mask_channels;
  conv(prompt + "mask_downscaling.0", 1, m / 4, 2);
  norm(prompt + "mask_downscaling.1", m / 4);
  conv(prompt + "mask_downscaling.3", m / 4, m, 2);
  norm(prompt + "mask_downscaling.4", m);
  conv(prompt + "mask_downscaling.6", m, d, 1);

  const std::string decoder = "tracker.sam_mask_decoder.";
  for (std::int64_t i = 0; i < o_.sam_depth; ++i) {
    const std::string layer = decoder + "transformer.layers." + std::to_string(i);
    split_attention(layer + ".self_attn", d);
    split_attention(layer + ".cross_attn_token_to_image", o_.sam_inner);
    split_attention(layer + ".cross_attn_image_to_token", o_.sam_inner);
    linear(layer + ".mlp.lin1", d, o_.sam_hidden);
    linear(layer + ".mlp.lin2", o_.sam_hidden, d);
    for (const auto* n : {".norm1", ".norm2", ".norm3", ".norm4"}) norm(layer + n, d);
  }
  split_attention(decoder + "transformer.final_attn_token_to_image", o_.sam_inner);
  norm(decoder + "transformer.norm_final_attn", d);
  one(decoder + "obj_score_token.weight", {1, d});
  one(decoder + "iou_token.weight", {1, d});
  one(decoder + "mask_tokens.weight", {o_.mask_tokens, d});
  conv(decoder + "conv_s0", d, d / 8, 1);
  conv(decoder + "conv_s1", d, d / 4, 1);
  deconv(decoder + "output_upscaling.0", d, d / 4);
  norm(decoder + "output_upscaling.1", d / 4);
  deconv(decoder + "output_upscaling.3", d / 4, d / 8);
  for (std::int64_t i = 0; i < o_.mask_tokens; ++i)
    mlp(decoder + "output_hypernetworks_mlps." + std::to_string(i), {d, d, d, d / 8});
  mlp(decoder + "iou_prediction_head", {d, o_.sam_iou_hidden, o_.sam_iou_hidden, o_.mask_tokens});
  mlp(decoder + "pred_obj_score_head", {d, d, d, 1});
}

}  // namespace

std::vector<expected_tensor> expected_tensors(const options& o) {
  lister out(o);
  out.vision();
  out.text();
  out.geometry();
  out.transformer();
  out.heads();
  out.interactive();
  return out.take();
}

}  // namespace samovar::model::sam3
