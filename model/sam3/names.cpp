#include "model/sam3/names.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace samovar::model::sam3 {
namespace {

/// Beginnings of names. '#' is a decimal number, the same on both sides; '^' is that number plus
/// one; '*' stands for q, k and v, whose tensors are parts of one.
struct rule {
  std::string_view released, transformers;
};

constexpr std::array vision{
    rule{"trunk.pos_embed", "backbone.embeddings.position_embeddings"},
    rule{"trunk.patch_embed.proj", "backbone.embeddings.patch_embeddings.projection"},
    rule{"trunk.ln_pre", "backbone.layer_norm"},
    rule{"trunk.blocks.#.norm1", "backbone.layers.#.layer_norm1"},
    rule{"trunk.blocks.#.norm2", "backbone.layers.#.layer_norm2"},
    rule{"trunk.blocks.#.attn.qkv", "backbone.layers.#.attention.*_proj"},
    rule{"trunk.blocks.#.attn.proj", "backbone.layers.#.attention.o_proj"},
    rule{"trunk.blocks.#.mlp", "backbone.layers.#.mlp"},
};
constexpr std::array neck{
    rule{"0.dconv_2x2_0", "0.scale_layers.0"},
    rule{"0.dconv_2x2_1", "0.scale_layers.2"},
    rule{"1.dconv_2x2", "1.scale_layers.0"},
    rule{"#.conv_1x1", "#.proj1"},
    rule{"#.conv_3x3", "#.proj2"},
};
constexpr std::array text{
    rule{"encoder.token_embedding", "text_encoder.text_model.embeddings.token_embedding"},
    rule{"encoder.positional_embedding",
         "text_encoder.text_model.embeddings.position_embedding.weight"},
    rule{"encoder.transformer.resblocks.#.attn",
         "text_encoder.text_model.encoder.layers.#.self_attn"},
    rule{"encoder.transformer.resblocks.#.ln_1",
         "text_encoder.text_model.encoder.layers.#.layer_norm1"},
    rule{"encoder.transformer.resblocks.#.ln_2",
         "text_encoder.text_model.encoder.layers.#.layer_norm2"},
    rule{"encoder.transformer.resblocks.#.mlp.c_fc",
         "text_encoder.text_model.encoder.layers.#.mlp.fc1"},
    rule{"encoder.transformer.resblocks.#.mlp.c_proj",
         "text_encoder.text_model.encoder.layers.#.mlp.fc2"},
    rule{"encoder.ln_final", "text_encoder.text_model.final_layer_norm"},
    rule{"resizer", "text_projection"},
};
constexpr std::array geometry{
    rule{"label_embed", "label_embed"},
    rule{"cls_embed", "cls_embed"},
    rule{"boxes_direct_project", "boxes_direct_project"},
    rule{"boxes_pool_project", "boxes_pool_project"},
    rule{"boxes_pos_enc_project", "boxes_pos_enc_project"},
    rule{"final_proj", "final_proj"},
    rule{"img_pre_norm", "vision_layer_norm"},
    rule{"norm", "prompt_layer_norm"},
    rule{"encode_norm", "output_layer_norm"},
};
/// Layers of the geometry and the fusion encoder.
constexpr std::array encoder_layer{
    rule{"#.self_attn", "#.self_attn"}, rule{"#.cross_attn_image", "#.cross_attn"},
    rule{"#.norm1", "#.layer_norm1"},   rule{"#.norm2", "#.layer_norm2"},
    rule{"#.norm3", "#.layer_norm3"},   rule{"#.linear1", "#.mlp.fc1"},
    rule{"#.linear2", "#.mlp.fc2"},
};
constexpr std::array decoder{
    rule{"query_embed", "query_embed"},
    rule{"reference_points", "reference_points"},
    rule{"presence_token", "presence_token"},
    rule{"bbox_embed.layers.#", "box_head.layer^"},
    rule{"presence_token_head.layers.#", "presence_head.layer^"},
    rule{"ref_point_head.layers.#", "ref_point_head.layer^"},
    rule{"boxRPB_embed_x.layers.#", "box_rpb_embed_x.layer^"},
    rule{"boxRPB_embed_y.layers.#", "box_rpb_embed_y.layer^"},
    rule{"norm", "output_layer_norm"},
    rule{"presence_token_out_norm", "presence_layer_norm"},
    rule{"layers.#.self_attn", "layers.#.self_attn"},
    rule{"layers.#.ca_text", "layers.#.text_cross_attn"},
    rule{"layers.#.cross_attn", "layers.#.vision_cross_attn"},
    rule{"layers.#.norm1", "layers.#.vision_cross_attn_layer_norm"},
    rule{"layers.#.catext_norm", "layers.#.text_cross_attn_layer_norm"},
    rule{"layers.#.norm2", "layers.#.self_attn_layer_norm"},
    rule{"layers.#.norm3", "layers.#.mlp_layer_norm"},
    rule{"layers.#.linear1", "layers.#.mlp.fc1"},
    rule{"layers.#.linear2", "layers.#.mlp.fc2"},
};
constexpr std::array scoring{
    rule{"prompt_mlp.layers.#", "text_mlp.layer^"},
    rule{"prompt_mlp.out_norm", "text_mlp_out_norm"},
    rule{"prompt_proj", "text_proj"},
    rule{"hs_proj", "query_proj"},
};
constexpr std::array segmentation{
    rule{"pixel_decoder", "pixel_decoder"},
    rule{"mask_predictor.mask_embed", "mask_embedder"},
    rule{"instance_seg_head", "instance_projection"},
    rule{"semantic_seg_head", "semantic_projection"},
    rule{"cross_attend_prompt", "prompt_cross_attn"},
    rule{"cross_attn_norm", "prompt_cross_attn_norm"},
};
constexpr std::array prompts{
    rule{"not_a_point_embed", "not_a_point_embed"},
    rule{"no_mask_embed", "no_mask_embed"},
    rule{"mask_downscaling.0", "mask_embed.conv1"},
    rule{"mask_downscaling.1", "mask_embed.layer_norm1"},
    rule{"mask_downscaling.3", "mask_embed.conv2"},
    rule{"mask_downscaling.4", "mask_embed.layer_norm2"},
    rule{"mask_downscaling.6", "mask_embed.conv3"},
};
constexpr std::array masks{
    rule{"iou_token", "iou_token"},
    rule{"mask_tokens", "mask_tokens"},
    rule{"obj_score_token", "obj_score_token"},
    rule{"conv_s0", "conv_s0"},
    rule{"conv_s1", "conv_s1"},
    rule{"output_upscaling.0", "upscale_conv1"},
    rule{"output_upscaling.1", "upscale_layer_norm"},
    rule{"output_upscaling.3", "upscale_conv2"},
    rule{"output_hypernetworks_mlps.#.layers.0", "output_hypernetworks_mlps.#.proj_in"},
    rule{"output_hypernetworks_mlps.#.layers.1", "output_hypernetworks_mlps.#.layers.0"},
    rule{"output_hypernetworks_mlps.#.layers.2", "output_hypernetworks_mlps.#.proj_out"},
    rule{"iou_prediction_head.layers.0", "iou_prediction_head.proj_in"},
    rule{"iou_prediction_head.layers.1", "iou_prediction_head.layers.0"},
    rule{"iou_prediction_head.layers.2", "iou_prediction_head.proj_out"},
    rule{"pred_obj_score_head.layers.0", "pred_obj_score_head.proj_in"},
    rule{"pred_obj_score_head.layers.1", "pred_obj_score_head.layers.0"},
    rule{"pred_obj_score_head.layers.2", "pred_obj_score_head.proj_out"},
    rule{"transformer.layers.#.norm1", "transformer.layers.#.layer_norm1"},
    rule{"transformer.layers.#.norm2", "transformer.layers.#.layer_norm2"},
    rule{"transformer.layers.#.norm3", "transformer.layers.#.layer_norm3"},
    rule{"transformer.layers.#.norm4", "transformer.layers.#.layer_norm4"},
    rule{"transformer.layers.#.mlp.lin1", "transformer.layers.#.mlp.proj_in"},
    rule{"transformer.layers.#.mlp.lin2", "transformer.layers.#.mlp.proj_out"},
    rule{"transformer.layers.#", "transformer.layers.#"},
    rule{"transformer.final_attn_token_to_image", "transformer.final_attn_token_to_image"},
    rule{"transformer.norm_final_attn", "transformer.layer_norm_final_attn"},
};
constexpr std::array memory{rule{"no_mem_embed", "no_memory_embedding"}};

struct section {
  std::string_view released, transformers;
  std::span<const rule> rules;
  std::string_view attention_out = "o_proj";
};
const std::array sections{
    section{"detector.backbone.vision_backbone.convs.",
            "detector_model.vision_encoder.neck.fpn_layers.", neck},
    section{"detector.backbone.vision_backbone.sam2_convs.", "tracker_neck.fpn_layers.", neck},
    section{"detector.backbone.vision_backbone.", "detector_model.vision_encoder.", vision},
    section{"detector.backbone.language_backbone.", "detector_model.", text, "out_proj"},
    section{"detector.geometry_encoder.encode.", "detector_model.geometry_encoder.layers.",
            encoder_layer},
    section{"detector.geometry_encoder.", "detector_model.geometry_encoder.", geometry},
    section{"detector.transformer.encoder.layers.", "detector_model.detr_encoder.layers.",
            encoder_layer},
    section{"detector.transformer.decoder.", "detector_model.detr_decoder.", decoder},
    section{"detector.dot_prod_scoring.", "detector_model.dot_product_scoring.", scoring},
    section{"detector.segmentation_head.", "detector_model.mask_decoder.", segmentation},
    section{"tracker.sam_prompt_encoder.", "tracker_model.prompt_encoder.", prompts},
    section{"tracker.sam_mask_decoder.", "tracker_model.mask_decoder.", masks},
    section{"tracker.", "tracker_model.", memory},
};

struct matched {
  std::string number;
  std::string_view rest;  ///< empty, or begins with a dot
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<matched> match(std::string_view pattern, std::string_view name) {
  constexpr std::size_t digits_max = 6;
  matched m;
  for (const char c : pattern) {
    if (c == '#') {
      while (!name.empty() && is_digit(name.front()) && m.number.size() < digits_max) {
        m.number.push_back(name.front());
        name.remove_prefix(1);
      }
      if (m.number.empty()) return std::nullopt;
      continue;
    }
    if (name.empty() || name.front() != c) return std::nullopt;
    name.remove_prefix(1);
  }
  if (!name.empty() && name.front() != '.') return std::nullopt;
  m.rest = name;
  return m;
}

std::string filled_in(std::string_view pattern, const std::string& number) {
  std::string out;
  for (const char c : pattern) {
    if (c == '#')
      out += number;
    else if (c == '^')
      out += std::to_string(std::stoi(number) + 1);
    else
      out.push_back(c);
  }
  return out;
}

/// Attention modules are the same everywhere: packed rows here are three tensors there.
std::string rest_of(std::string_view rest, const section& s) {
  constexpr std::string_view packed = ".in_proj_";
  constexpr std::string_view out = ".out_proj";
  if (rest.starts_with(packed)) return ".*_proj." + std::string(rest.substr(packed.size()));
  const auto at = rest.find(out);
  if (at == std::string_view::npos) return std::string(rest);
  return std::string(rest.substr(0, at)) + "." + std::string(s.attention_out) +
         std::string(rest.substr(at + out.size()));
}

place parts_of(const std::string& pattern) {
  const auto star = pattern.find('*');
  if (star == std::string::npos) return {{pattern}, {}};
  place p;
  for (const char part : {'q', 'k', 'v'}) {
    p.names.push_back(pattern);
    p.names.back()[star] = part;
  }
  return p;
}

place find_in_transformers(std::string_view released) {
  constexpr std::string_view point = "tracker.sam_prompt_encoder.point_embeddings.#";
  constexpr std::string_view places =
      "tracker.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix";
  if (const auto m = match(point, released); m && m->rest == ".weight")
    return {{"tracker_model.prompt_encoder.point_embed.weight"}, {}, std::stoi(m->number), 4};
  if (released == places)
    return {{"tracker_model.prompt_encoder.shared_embedding.positional_embedding"},
            {"tracker_model.shared_image_embedding.positional_embedding"}};
  for (const auto& s : sections) {
    if (!released.starts_with(s.released)) continue;
    const auto name = released.substr(s.released.size());
    for (const auto& r : s.rules)
      if (const auto m = match(r.released, name))
        return parts_of(std::string(s.transformers) + filled_in(r.transformers, m->number) +
                        rest_of(m->rest, s));
  }
  return {};
}

constexpr std::array<std::string_view, 13> ignored_released{
    "detector.backbone.language_backbone.encoder.text_projection",
    "detector.backbone.vision_backbone.convs.3.",
    "detector.backbone.vision_backbone.sam2_convs.3.",
    "detector.segmentation_head.pixel_decoder.conv_layers.2.",
    "detector.segmentation_head.pixel_decoder.norms.2.",
    "tracker.mask_downsample.",
    "tracker.maskmem_backbone.",
    "tracker.maskmem_tpos_enc",
    "tracker.no_mem_pos_enc",
    "tracker.no_obj_embed_spatial",
    "tracker.no_obj_ptr",
    "tracker.obj_ptr_",
    "tracker.transformer."};
constexpr std::array<std::string_view, 14> ignored_transformers{
    "detector_model.text_encoder.text_projection.",
    "detector_model.vision_encoder.neck.fpn_layers.3.",
    "tracker_neck.fpn_layers.3.",
    "detector_model.mask_decoder.pixel_decoder.conv_layers.2.",
    "detector_model.mask_decoder.pixel_decoder.norms.2.",
    "tracker_model.mask_downsample.",
    "tracker_model.memory_attention.",
    "tracker_model.memory_encoder.",
    "tracker_model.memory_temporal_positional_encoding",
    "tracker_model.no_memory_positional_encoding",
    "tracker_model.no_object_pointer",
    "tracker_model.object_pointer_proj.",
    "tracker_model.occlusion_spatial_embedding_parameter",
    "tracker_model.temporal_positional_encoding_projection_layer."};

bool begins_with_one_of(const std::string& name, std::span<const std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view b) { return name.starts_with(b); });
}

}  // namespace

std::string_view name_of(naming n) { return n == naming::released ? "released" : "transformers"; }

std::string place::words() const {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : " + ") + n;
  return row < 0 ? out : out + ", row " + std::to_string(row);
}

place find_place(naming n, const std::string& released) {
  return n == naming::released ? place{{released}, {}} : find_in_transformers(released);
}

bool is_ignored(naming n, const std::string& name) {
  if (n == naming::released)
    return name.ends_with(".freqs_cis") || begins_with_one_of(name, ignored_released);
  return name.ends_with(".position_ids") || begins_with_one_of(name, ignored_transformers);
}

void naming_guess::see(std::string_view name) {
  if (name.starts_with("detector.") || name.starts_with("tracker.")) ++released_;
  if (name.starts_with("detector_model.") || name.starts_with("tracker_model.") ||
      name.starts_with("tracker_neck."))
    ++transformers_;
}

}  // namespace samovar::model::sam3
