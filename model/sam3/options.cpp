#include "model/sam3/options.hpp"

#include <cmath>
#include <map>

#include "model/sam3/json_reader.hpp"

namespace samovar::model::sam3 {
namespace {

const std::string vision = "detector.backbone.vision_backbone.";
const std::string language = "detector.backbone.language_backbone.";

struct refused {
  std::string why;
};

/// Sizes beyond this are nobody's; products of two stay far from overflow.
constexpr std::int64_t size_max = 1 << 20;

/// Reads the shapes of the tensors that tell sizes.
class shape_reader {
 public:
  shape_reader(const shape_lookup& lookup, const shown_name& shown)
      : lookup_(lookup), shown_(shown) {}

  std::int64_t side(const std::string& name, std::size_t axis, std::size_t axes) const {
    const auto shape = lookup_(name);
    const auto wrong = [&](const std::string& what) {
      return refused{"tensor " + shown_(name) + what};
    };
    if (!shape) throw wrong(" is missing");
    if (shape->size() != axes)
      throw wrong(" has " + std::to_string(shape->size()) + " axes, not " + std::to_string(axes));
    const auto value = (*shape)[axis];
    if (value < 1) throw wrong(" is empty");
    if (value > size_max) throw wrong(" is too large");
    return value;
  }
  bool has(const std::string& name) const { return lookup_(name).has_value(); }
  std::int64_t count(const std::string& before, const std::string& after) const {
    constexpr std::int64_t layers_max = 1000;
    std::int64_t n = 0;
    while (n < layers_max && has(before + std::to_string(n) + after)) ++n;
    if (n == 0) throw refused{"tensor " + shown_(before + "0" + after) + " is missing"};
    return n;
  }

 private:
  const shape_lookup& lookup_;
  const shown_name& shown_;
};

void read_vision_shapes(const shape_reader& in, options& o) {
  const std::string trunk = vision + "trunk.";
  o.vit_width = in.side(trunk + "patch_embed.proj.weight", 0, 4);
  o.patch = in.side(trunk + "patch_embed.proj.weight", 2, 4);
  o.vit_depth = in.count(trunk + "blocks.", ".norm1.weight");
  o.vit_hidden = in.side(trunk + "blocks.0.mlp.fc1.weight", 0, 2);
  // Square, with or without the class token's row: 24*24 = 576 or 577.
  const auto rows = in.side(trunk + "pos_embed", 1, 3);
  const auto root = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(rows))));
  const auto less =
      static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(rows - 1))));
  o.position_has_class_row = root * root != rows;
  o.position_side = o.position_has_class_row ? less : root;
  if (o.position_has_class_row && less * less != rows - 1)
    throw refused{"the table of positions has " + std::to_string(rows) + " rows, no square"};
}

void read_text_shapes(const shape_reader& in, options& o) {
  const std::string encoder = language + "encoder.";
  o.vocabulary = in.side(encoder + "token_embedding.weight", 0, 2);
  o.text_width = in.side(encoder + "token_embedding.weight", 1, 2);
  o.context = in.side(encoder + "positional_embedding", 0, 2);
  o.text_depth = in.count(encoder + "transformer.resblocks.", ".ln_1.weight");
  o.text_hidden = in.side(encoder + "transformer.resblocks.0.mlp.c_fc.weight", 0, 2);
  o.width = in.side(language + "resizer.weight", 0, 2);
}

void read_detector_shapes(const shape_reader& in, options& o) {
  const std::string geometry = "detector.geometry_encoder.";
  o.geometry_depth = in.count(geometry + "encode.", ".norm1.weight");
  o.geometry_hidden = in.side(geometry + "encode.0.linear1.weight", 0, 2);
  o.geometry_points = in.has(geometry + "points_direct_project.weight");
  o.roi = in.side(geometry + "boxes_pool_project.weight", 2, 4);
  o.encoder_depth = in.count("detector.transformer.encoder.layers.", ".norm1.weight");
  o.hidden = in.side("detector.transformer.encoder.layers.0.linear1.weight", 0, 2);
  o.decoder_depth = in.count("detector.transformer.decoder.layers.", ".norm1.weight");
  o.decoder_hidden = in.side("detector.transformer.decoder.layers.0.linear1.weight", 0, 2);
  o.queries = in.side("detector.transformer.decoder.query_embed.weight", 0, 2);
  o.score_hidden = in.side("detector.dot_prod_scoring.prompt_mlp.layers.0.weight", 0, 2);
  o.heads = in.side("detector.transformer.decoder.boxRPB_embed_x.layers.1.weight", 0, 2);
}

void read_interactive_shapes(const shape_reader& in, options& o) {
  const std::string decoder = "tracker.sam_mask_decoder.";
  o.sam_depth = in.count(decoder + "transformer.layers.", ".norm1.weight");
  o.sam_hidden = in.side(decoder + "transformer.layers.0.mlp.lin1.weight", 0, 2);
  o.sam_inner =
      in.side(decoder + "transformer.layers.0.cross_attn_token_to_image.q_proj.weight", 0, 2);
  o.sam_iou_hidden = in.side(decoder + "iou_prediction_head.layers.0.weight", 0, 2);
  o.mask_tokens = in.side(decoder + "mask_tokens.weight", 0, 2);
  o.mask_channels = in.side("tracker.sam_prompt_encoder.mask_downscaling.3.weight", 0, 4);
}

std::vector<std::int64_t> integers(json_reader& in) {
  constexpr std::size_t items_max = 1000;
  std::vector<std::int64_t> out;
  in.array([&] {
    if (out.size() == items_max) throw json_malformed("a list that is too long");
    out.push_back(in.integer());
  });
  return out;
}

void three_numbers(json_reader& in, double (&out)[3]) {
  std::size_t n = 0;
  in.array([&] {
    const double v = in.number();
    if (n < 3) out[n] = v;
    ++n;
  });
  if (n != 3) throw json_malformed("a list that should hold three numbers");
}

/// A number, or a list of two equal ones.
std::int64_t square_side(json_reader& in) {
  if (in.peek() != '[') return in.integer();
  const auto sides = integers(in);
  if (sides.size() != 2 || sides[0] != sides[1]) throw json_malformed("a size that is no square");
  return sides[0];
}

/// The keys of a config.json that tell what shapes do not; others are left alone. Keys of the
/// transformers library are written with dots, without "detector_config." before them. Its norms'
/// eps is not read: what it says there is not what the model was trained with.
class config_reader {
 public:
  config_reader(const std::string& text, options& o) : in_(text) {
    const auto whole = [this](std::int64_t& v) { return [this, &v] { v = in_.integer(); }; };
    const auto real = [this](double& v) { return [this, &v] { v = in_.number(); }; };
    const auto side = [this, &o] { o.image_size = square_side(in_); };
    const auto blocks = [this, &o] { o.global_blocks = integers(in_); };
    const std::string backbone = "vision_config.backbone_config.";
    keys_ = {
        {"image_size", side},
        {backbone + "image_size", side},
        {"window_size", whole(o.window)},
        {backbone + "window_size", whole(o.window)},
        {"vit_heads", whole(o.vit_heads)},
        {backbone + "num_attention_heads", whole(o.vit_heads)},
        {"rope_theta", real(o.rope_theta)},
        {backbone + "rope_theta", real(o.rope_theta)},
        {"global_blocks", blocks},
        {backbone + "global_attn_indexes", blocks},
        {"text_heads", whole(o.text_heads)},
        {"text_config.num_attention_heads", whole(o.text_heads)},
        {"detr_heads", whole(o.heads)},
        {"detr_decoder_config.num_attention_heads", whole(o.heads)},
        {"sam_heads", whole(o.sam_heads)},
        {"tracker_config.mask_decoder_config.num_attention_heads", whole(o.sam_heads)},
        {"seg_head_group_norm_groups", whole(o.group_norm_groups)},
        {"max_hole_area", whole(o.hole_area_max)},
        {"vit_layer_norm_eps", real(o.vit_norm_eps)},
        {"score_clamp", real(o.score_clamp)},
        {"inverse_sigmoid_eps", real(o.inverse_sigmoid_eps)},
        {"stability_delta", real(o.stability_delta)},
        {"stability_thresh", real(o.stability_threshold)},
        {"pixel_mean", [this, &o] { three_numbers(in_, o.pixel_mean); }},
        {"pixel_std", [this, &o] { three_numbers(in_, o.pixel_std); }},
        {"box_rpb",
         [this] {
           if (in_.string() != "log") throw refused{"config.json: only box_rpb \"log\" is known"};
         }},
    };
  }
  config_reader(const config_reader&) = delete;
  config_reader& operator=(const config_reader&) = delete;

  void read() {
    object("");
    in_.finish();
  }

 private:
  void object(const std::string& path) {
    in_.object([&](std::string&& key) {
      const auto full = path + key;
      const auto known = keys_.find(full);
      if (known != keys_.end())
        known->second();
      else if (in_.peek() == '{')
        object(full == "detector_config" ? "" : full + ".");
      else
        in_.skip();
    });
  }

  json_reader in_;
  std::map<std::string, std::function<void()>> keys_;
};

void check_heads(std::int64_t width, std::int64_t heads, std::int64_t multiple,
                 const std::string& what) {
  if (heads < 1 || width % heads != 0 || (width / heads) % multiple != 0)
    throw refused{"config.json: " + std::to_string(heads) + " heads do not fit the " + what +
                  "'s width " + std::to_string(width)};
}

void check_numbers(const options& o) {
  const auto positive = [](double v, const char* key) {
    if (!(v > 0) || v > 1e9) throw refused{"config.json: " + std::string(key) + " is out of range"};
  };
  positive(o.rope_theta, "rope_theta");
  positive(o.vit_norm_eps, "vit_layer_norm_eps");
  positive(o.score_clamp, "score_clamp");
  positive(o.inverse_sigmoid_eps, "inverse_sigmoid_eps");
  for (const double v : o.pixel_std) positive(v, "pixel_std");
  if (!(o.stability_delta >= 0) || !(o.stability_threshold >= 0))
    throw refused{"config.json: stability_delta or stability_thresh is out of range"};
  if (o.hole_area_max < 0) throw refused{"config.json: max_hole_area is negative"};
}

void check(const options& o) {
  constexpr std::int64_t image_size_max = 16384, mask_tokens_max = 100;
  if (o.image_size < o.patch || o.image_size > image_size_max || o.image_size % o.patch != 0)
    throw refused{"config.json: image_size " + std::to_string(o.image_size) +
                  " is not a multiple of the patch size " + std::to_string(o.patch)};
  if (o.window < 1 || o.window > o.grid()) throw refused{"config.json: window_size is wrong"};
  for (const auto b : o.global_blocks)
    if (b < 0 || b >= o.vit_depth)
      throw refused{"config.json: there is no block " + std::to_string(b) + " (global_blocks)"};
  check_heads(o.vit_width, o.vit_heads, 4, "vision trunk");
  check_heads(o.text_width, o.text_heads, 1, "text encoder");
  check_heads(o.width, o.heads, 1, "detector");
  check_heads(o.width, o.sam_heads, 1, "interactive predictor");
  check_heads(o.sam_inner, o.sam_heads, 1, "interactive predictor");
  if (o.group_norm_groups < 1 || o.width % o.group_norm_groups != 0)
    throw refused{"config.json: seg_head_group_norm_groups is wrong"};
  if (o.width % 8 != 0 || o.vit_width % 4 != 0)
    throw refused{"the model's widths are not multiples of 8"};
  if (o.mask_tokens < 2 || o.mask_tokens > mask_tokens_max)
    throw refused{"the model has " + std::to_string(o.mask_tokens) + " mask tokens"};
  if (o.context < 2) throw refused{"the text encoder's context is too short"};
  check_numbers(o);
}

}  // namespace

core::outcome<options> find_options(const shape_lookup& shape, const shown_name& shown,
                                    const std::string& config) {
  const auto wrong = [](const std::string& why) {
    return core::make_error(core::error_code::malformed_request, "Not a SAM 3 checkpoint: " + why);
  };
  options o;
  try {
    const shape_reader in(shape, shown);
    read_vision_shapes(in, o);
    read_text_shapes(in, o);
    read_detector_shapes(in, o);
    read_interactive_shapes(in, o);
    if (!config.empty()) config_reader(config, o).read();
    check(o);
  } catch (const refused& e) {
    return wrong(e.why);
  } catch (const json_malformed& e) {
    return wrong(std::string("config.json has ") + e.what());
  }
  return o;
}

}  // namespace samovar::model::sam3
