#include "tests/model/sam3/stages.hpp"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <stdexcept>

#include "model/sam3/finding.hpp"
#include "model/sam3/network.hpp"
#include "model/sam3/positions.hpp"
#include "model/sam3/preprocess.hpp"

namespace samovar::model::sam3::golden {
namespace {

class checker {
 public:
  explicit checker(const setting& s);
  run all();

 private:
  void images();
  void rotary();
  void texts();
  void geometries();
  void groundings();
  geometry_prompt exemplars(const std::string& in, std::int64_t batch);
  void check_packed(const std::string& name, const at::Tensor& logits, const at::Tensor& wanted);
  void grounding_case(const std::string& name, bool traced);
  void interactives();
  clicks clicks_of(const std::string& in);
  void interactive_case(const std::string& name, bool traced);
  void answers(const std::string& name, const mask_candidates& found, bool traced, const trace& t);
  void found_from_the_picture(const std::string& name);
  void clicked_from_the_picture(const std::string& name);
  void judge_masks(file& f, const std::string& tensor, const at::Tensor& logits);
  /// Cases are about picture a, those that end in "_x" about picture x.
  std::string picture_of(const std::string& name) const;

  at::Tensor picture(const std::string& name) {
    return image_.input(name + ".input_u8").to(device_);
  }
  /// As recorded: preprocessing is judged by itself, because a value that lies on the edge between
  /// two grey levels may fall to either side on another device.
  at::Tensor pixels(const std::string& name) {
    return image_.input(name + ".pixel_values").to(device_).unsqueeze(0);
  }
  at::Tensor trunk(const std::string& name) { return net_->vision(pixels(name), {}); }
  /// Stages are judged in float32 only.
  trace into(file& f, const std::string& prefix) {
    if (!exact_) return {};
    return trace([&f, this](const std::string& name,
                            const at::Tensor& value) { f.compare(name, value, tolerance_); },
                 prefix);
  }

  at::Device device_;
  bool exact_ = true;
  double tolerance_ = 1e-4;
  std::shared_ptr<const network> net_;
  file image_, text_, geometry_, grounding_, interactive_;
  std::vector<std::string> left_out_;
};

at::ScalarType type_named(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  throw std::runtime_error("the type is fp32, bf16 or fp16");
}

checker::checker(const setting& s)
    : device_(s.device),
      exact_(s.dtype == "fp32"),
      image_(s.folder, "image"),
      text_(s.folder, "text"),
      geometry_(s.folder, "geometry"),
      grounding_(s.folder, "grounding"),
      interactive_(s.folder, "interactive") {
  const auto c = open_checkpoint(
      s.weights.empty() ? std::filesystem::path(s.folder) / "weights.safetensors" : s.weights);
  if (!c) throw std::runtime_error(c.failure().detail);
  net_ = load_network(*c, device_, type_named(s.dtype));
}

std::string checker::picture_of(const std::string& name) const {
  const auto underscore = name.rfind('_');
  const auto ending = underscore == std::string::npos ? "" : name.substr(underscore + 1);
  return !ending.empty() && image_.has(ending + ".input_u8") ? ending : "a";
}

void checker::rotary() {
  const auto& o = net_->sizes;
  const auto head = o.vit_width / o.vit_heads;
  const auto both = [&](const std::string& name, const at::Tensor& table) {
    image_.compare("rope." + name + "_cos", table.select(-1, 0), tolerance_);
    image_.compare("rope." + name + "_sin", table.select(-1, 1), tolerance_);
  };
  both("window", rotary_table(o.window, head, 1.0, o.rope_theta));
  both("global",
       rotary_table(o.grid(), head, static_cast<double>(o.window) / static_cast<double>(o.grid()),
                    o.rope_theta));
}

void checker::images() {
  for (const auto& name : image_.cases("input_u8")) {
    const at::Tensor seen = preprocess(picture(name), net_->sizes);
    // One grey level is 2/255: single values may be off by one where a sum is near a half.
    const at::Tensor wanted = image_.input(name + ".pixel_values");
    image_.compare(name + ".pixel_values", seen[0], 2.0 / 255 + 1e-6);
    const at::Tensor off = (seen[0].to(at::kCPU) - wanted).abs() > 1e-5;
    image_.judge({"image: " + name + ".pixel_values, share of values off",
                  off.to(at::kDouble).mean().item<double>(),
                  1e-3,
                  {}});
    if (!exact_) continue;
    const trace t = into(image_, name + ".");
    const at::Tensor out = net_->vision(pixels(name), t);
    net_->detector_levels(out, t);
    net_->interactive_levels(out, t);
  }
  if (exact_ && image_.has("ab.sam3_fpn2_batched")) {
    const at::Tensor both = at::cat({pixels("a"), pixels("b")}, 0);
    const auto levels = net_->detector_levels(net_->vision(both, {}));
    image_.compare("ab.sam3_fpn2_batched", levels[2].permute({0, 3, 1, 2}), tolerance_);
    image_.compare("ab.sam3_fpn0_batched_mean", levels[0].mean(at::IntArrayRef{1, 2}), tolerance_);
  }
}

void checker::texts() {
  const at::Tensor ids = text_.input("ids").to(device_);
  const text_features out = net_->text(ids, into(text_, ""));
  if (!exact_) text_.compare("features", out.features.transpose(0, 1), 0.1);
}

at::Tensor batch_first(const at::Tensor& t) { return t.transpose(0, 1).contiguous(); }

void checker::geometries() {
  if (!exact_) return;
  const at::Tensor features = net_->detector_levels(trunk("a"))[2];
  for (const auto& name : geometry_.cases("out.embeddings")) {
    geometry_prompt p;
    const std::string in = name + ".in.";
    if (geometry_.has(in + "point_embeddings") && !net_->sizes.geometry_points) {
      geometry_.leave_out(name + ".");
      left_out_.push_back("geometry: " + name + " (the checkpoint has no points there)");
      continue;
    }
    if (geometry_.has(in + "box_embeddings")) {
      p.boxes = batch_first(geometry_.input(in + "box_embeddings"));
      p.box_labels = batch_first(geometry_.input(in + "box_labels"));
      p.box_padding = geometry_.input(in + "box_mask").to(at::kBool);
      p.batch = p.boxes.size(0);
    }
    if (geometry_.has(in + "point_embeddings")) {
      p.points = batch_first(geometry_.input(in + "point_embeddings"));
      p.point_labels = batch_first(geometry_.input(in + "point_labels"));
      p.point_padding = geometry_.input(in + "point_mask").to(at::kBool);
      p.batch = p.points.size(0);
    }
    const at::Tensor padding = geometry_.input(name + ".out.padding_mask").to(at::kBool);
    // Padding is meaningless in the sequence, and only there.
    const trace t(
        [&](const std::string& stage, const at::Tensor& value) {
          const std::string rest = stage.substr(name.size() + 1);
          if (rest == "sequence_in" || rest == "projected" || rest.rfind("layer", 0) == 0 ||
              rest == "out.embeddings")
            geometry_.compare_valid(stage, value, padding, tolerance_);
          else
            geometry_.compare(stage, value, tolerance_);
        },
        name + ".");
    net_->geometry(p, features, net_->positions, t);
  }
}

/// Bits [n, width, bytes] -> [n, height, width].
at::Tensor unpacked(const at::Tensor& packed, std::int64_t height) {
  const at::Tensor places = at::arange(8, at::kLong);
  const at::Tensor bits = at::bitwise_right_shift(packed.to(at::kLong).unsqueeze(-1), places) % 2;
  return bits.flatten(2).narrow(2, 0, height).transpose(1, 2).to(at::kBool);
}

/// The packed form must say the same as the plain one.
void checker::check_packed(const std::string& name, const at::Tensor& logits,
                           const at::Tensor& wanted) {
  const auto height = wanted.size(1), width = wanted.size(2);
  const at::Tensor mask = unpacked(packed_masks(logits, height, width), height);
  const double off = (mask != wanted.to(at::kCPU)).to(at::kDouble).mean().item<double>();
  grounding_.judge({"grounding: " + name + ", packed masks", off, 5e-4, {}});
}

geometry_prompt checker::exemplars(const std::string& in, std::int64_t batch) {
  geometry_prompt p;
  p.batch = batch;
  if (!grounding_.has(in + "boxes_cxcywh")) return p;
  p.boxes = grounding_.input(in + "boxes_cxcywh").unsqueeze(0);
  p.box_labels = grounding_.input(in + "box_labels").unsqueeze(0);
  return p;
}

void checker::grounding_case(const std::string& name, bool traced) {
  const std::string in = name + ".in.";
  const at::Tensor shown = picture(picture_of(name));
  const detector_features levels = net_->detector_levels(trunk(picture_of(name)));
  const text_features words = net_->text(grounding_.input(in + "text_ids").to(device_), {});
  const geometry_prompt p = exemplars(in, words.features.size(0));
  const trace t = traced ? into(grounding_, name + ".") : trace();
  const grounding g = net_->ground(levels, words, p, t);
  const at::Tensor pixels = net_->segment.pixels(g.memory, levels[0], levels[1], g.prompt, t);
  const double loose = exact_ ? tolerance_ : 0.2;
  grounding_.compare(name + ".semantic_seg", net_->segment.semantic_map(pixels), loose);
  grounding_.compare(name + ".pred_masks", net_->segment.masks(pixels, g.queries, t), loose);
  grounding_.compare(name + ".pred_logits", g.logits.unsqueeze(-1), loose);
  grounding_.compare(name + ".pred_boxes", g.boxes, loose);
  grounding_.compare(name + ".presence_logit", g.presence, loose);
  if (traced && exact_ && grounding_.has(name + ".scoring_unit.hs")) {
    const at::Tensor queries = grounding_.input(name + ".scoring_unit.hs").to(device_);
    grounding_.compare(name + ".scoring_unit.logits",
                       net_->score(queries[0], net_->score.pool(g.prompt, {})).view({1, 1, -1, 1}),
                       tolerance_);
  }
  if (!exact_ || !grounding_.has(name + ".final.scores")) return;
  finding_options o;
  o.threshold = grounding_.input(name + ".final.threshold").item<float>();
  const auto height = shown.size(0), width = shown.size(1);
  const auto found = find_instances(*net_, levels, g, height, width, o).front();
  grounding_.compare(name + ".final.scores", found.scores, 1e-4);
  grounding_.compare(name + ".final.boxes", found.boxes, 1e-4);
  const at::Tensor logits = resize_logits(found.logits, height, width).unsqueeze(1);
  grounding_.compare_masks(name + ".final.masks", logits > 0, 5e-4);
  check_packed(name, found.logits, logits.squeeze(1) > 0);
  grounding_.compare(name + ".final.mask_probs", logits.sigmoid(), tolerance_);
}

void checker::groundings() {
  // Once showing every stage, once as the product runs: some paths differ.
  for (const bool traced : {true, false})
    for (const auto& name : grounding_.cases("in.text_ids")) grounding_case(name, traced);
}

at::Tensor as_batch(const at::Tensor& t, std::int64_t axes) {
  return t.dim() < axes ? t.unsqueeze(0) : t;
}

void checker::answers(const std::string& name, const mask_candidates& found, bool traced,
                      const trace& t) {
  const at::Tensor shown = picture(picture_of(name));
  const auto height = shown.size(0), width = shown.size(1);
  const auto compare = [&](const std::string& form, const mask_choice& c) {
    const std::string base = name + "." + form + ".";
    interactive_.compare(base + "ious", c.ious, tolerance_);
    interactive_.compare(base + "low_res", c.masks.clamp(-32, 32), tolerance_);
    const at::Tensor bare = resize_logits(c.masks, height, width);
    interactive_.compare(base + "masks_logits_no_hole_fill", bare, tolerance_);
    interactive_.compare_masks(base + "masks_no_hole_fill", bare > 0, 5e-4);
    const at::Tensor filled = resize_logits(without_holes(c.masks, net_->sizes), height, width);
    interactive_.compare_masks(base + "masks", filled > 0, 5e-4);
  };
  compare("multi", net_->click_masks.choose_several(found));
  compare("single", net_->click_masks.choose_one(found, traced ? t : trace()));
}

clicks checker::clicks_of(const std::string& in) {
  clicks p;
  if (interactive_.has(in + "box")) p.boxes = as_batch(interactive_.input(in + "box"), 2);
  if (interactive_.has(in + "point_coords")) {
    p.points = as_batch(interactive_.input(in + "point_coords"), 3);
    p.labels = as_batch(interactive_.input(in + "point_labels"), 2);
  }
  if (interactive_.has(in + "mask_input"))
    p.mask = as_batch(interactive_.input(in + "mask_input"), 4);
  return p;
}

void checker::interactive_case(const std::string& name, bool traced) {
  const at::Tensor shown = picture(picture_of(name));
  const interactive_features levels = net_->interactive_levels(trunk(picture_of(name)));
  const clicks p = clicks_of(name + ".in.");
  const trace t = traced ? into(interactive_, name + ".") : trace();
  const auto found = net_->click(levels, p, shown.size(0), shown.size(1), t);
  if (exact_) {
    answers(name, found, traced, t);
  } else {
    interactive_.compare(name + ".all_ious", found.ious, 0.2);
    interactive_.compare(name + ".all_masks", found.masks, 0.2);
  }
}

void checker::interactives() {
  const auto g = net_->sizes.grid();
  interactive_.compare(
      "dense_pe", net_->click_prompts.dense_places.transpose(0, 1).view({1, -1, g, g}), tolerance_);
  for (const bool traced : {true, false})
    for (const auto& name : interactive_.cases("all_masks")) interactive_case(name, traced);
}

/// Masks at the picture's size, as the product packs them: each has an IoU of 0.999 or more, or, if
/// it is too small for that to mean anything, one pixel that differs.
void checker::judge_masks(file& f, const std::string& tensor, const at::Tensor& logits) {
  if (!f.has(tensor)) return;
  const at::Tensor wanted = f.input(tensor).flatten(0, -3).to(at::kBool);
  const at::Tensor packed = packed_masks(logits.flatten(0, -3), wanted.size(1), wanted.size(2));
  verdict v{f.name() + ": " + tensor + ", from the picture, 1 - IoU", 0.0, 1e-3, {}};
  if (packed.size(0) != wanted.size(0))
    v.problem =
        std::to_string(packed.size(0)) + " masks were found, not " + std::to_string(wanted.size(0));
  for (std::int64_t i = 0; v.problem.empty() && i < wanted.size(0); ++i) {
    const at::Tensor mask = unpacked(packed[i].unsqueeze(0), wanted.size(1))[0];
    const auto either = mask.logical_or(wanted[i]).sum().item<double>();
    const auto off = (mask != wanted[i]).sum().item<double>();
    if (off > 1) v.error = std::max(v.error, off / either);
  }
  f.judge(std::move(v));
}

void checker::found_from_the_picture(const std::string& name) {
  const std::string in = name + ".in.";
  const at::Tensor shown = picture(picture_of(name));
  const auto levels = net_->detector_levels(net_->vision(preprocess(shown, net_->sizes), {}));
  const text_features words = net_->text(grounding_.input(in + "text_ids").to(device_), {});
  const grounding g = net_->ground(levels, words, exemplars(in, words.features.size(0)));
  finding_options o;
  o.threshold = grounding_.input(name + ".final.threshold").item<float>();
  const auto found = find_instances(*net_, levels, g, shown.size(0), shown.size(1), o).front();
  const auto off = [&](const std::string& what, const at::Tensor& value, double tolerance) {
    const std::string tensor = name + ".final." + what;
    if (!grounding_.has(tensor)) return;
    const at::Tensor wanted = grounding_.input(tensor);
    verdict v{"grounding: " + tensor + ", from the picture", 0.0, tolerance, {}};
    if (wanted.sizes() != value.sizes())
      v.problem =
          std::to_string(value.size(0)) + " were found, not " + std::to_string(wanted.size(0));
    else if (wanted.numel() > 0)
      v.error = (value.to(at::kCPU) - wanted).abs().max().item<double>();
    grounding_.judge(std::move(v));
  };
  off("scores", found.scores, 1e-3);
  off("boxes", found.boxes, 0.5);  // px
  judge_masks(grounding_, name + ".final.masks", found.logits);
}

void checker::clicked_from_the_picture(const std::string& name) {
  const at::Tensor shown = picture(picture_of(name));
  const auto levels = net_->interactive_levels(net_->vision(preprocess(shown, net_->sizes), {}));
  const auto found = net_->click(levels, clicks_of(name + ".in."), shown.size(0), shown.size(1));
  const auto compare = [&](const std::string& form, const mask_choice& c) {
    const std::string base = name + "." + form + ".";
    if (!interactive_.has(base + "masks")) return;
    interactive_.compare(base + "ious", c.ious, 1e-3);
    judge_masks(interactive_, base + "masks", without_holes(c.masks, net_->sizes));
  };
  compare("multi", net_->click_masks.choose_several(found));
  compare("single", net_->click_masks.choose_one(found, {}));
}

run checker::all() {
  c10::NoGradGuard no_gradients;
  rotary();
  images();
  texts();
  geometries();
  groundings();
  interactives();
  if (exact_) {
    for (const auto& name : grounding_.cases("final.scores")) found_from_the_picture(name);
    for (const auto& name : interactive_.cases("all_masks")) clicked_from_the_picture(name);
  }
  run out;
  out.left_out = left_out_;
  for (const auto* f : {&image_, &text_, &geometry_, &grounding_, &interactive_}) {
    out.verdicts.insert(out.verdicts.end(), f->verdicts().begin(), f->verdicts().end());
    if (exact_)
      for (const auto& name : f->forgotten()) out.forgotten.push_back(f->name() + ": " + name);
  }
  return out;
}

}  // namespace

run check(const setting& s) { return checker(s).all(); }

}  // namespace samovar::model::sam3::golden
