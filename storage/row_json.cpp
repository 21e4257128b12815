#include "storage/row_json.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace samovar::storage {

namespace {

using nlohmann::json;

void append_number(std::string& out, std::int64_t v) { out += std::to_string(v); }

void append_number(std::string& out, double v) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::isfinite(v) ? v : 0.0).ptr;
  out.append(buffer, end);
}

core::image_prompts prompts_of(const json& j) {
  core::image_prompts p;
  if (auto t = j.find("text_prompt"); t != j.end() && t->is_string())
    p.text = t->get<std::string>();
  if (auto boxes = j.find("bbox_annotations"); boxes != j.end() && boxes->is_array())
    for (const auto& b : *boxes) {
      const auto id = core::parse_id<core::annotation_id>(b.at("id").get<std::string>());
      const auto type = core::parse_prompt_type(b.value("prompt_type", "segment"));
      if (!id || !type) throw std::runtime_error("a stored snapshot has a broken box");
      p.boxes.push_back(
          {*id, {b.at("bbox_x"), b.at("bbox_y"), b.at("bbox_width"), b.at("bbox_height")}, *type});
    }
  if (auto points = j.find("point_annotations"); points != j.end() && points->is_array())
    for (const auto& q : *points) {
      const auto id = core::parse_id<core::point_id>(q.at("id").get<std::string>());
      if (!id) throw std::runtime_error("a stored snapshot has a broken point");
      p.points.push_back({*id, {q.at("point_x"), q.at("point_y")}, q.value("is_positive", true)});
    }
  return p;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_prompts(std::string& out, const core::image_prompts& prompts) {
  out += "{\"text_prompt\":";
  if (prompts.text)
    append_json_string(out, *prompts.text);
  else
    out += "null";
  out += ",\"bbox_annotations\":[";
  for (std::size_t i = 0; i < prompts.boxes.size(); ++i) {
    const auto& b = prompts.boxes[i];
    out += i == 0 ? "{\"id\":\"" : ",{\"id\":\"";
    out += core::to_string(b.id) + "\",\"bbox_x\":" + std::to_string(b.area.x) +
           ",\"bbox_y\":" + std::to_string(b.area.y) +
           ",\"bbox_width\":" + std::to_string(b.area.width) +
           ",\"bbox_height\":" + std::to_string(b.area.height) + ",\"prompt_type\":\"";
    out += core::to_string(b.type);
    out += "\"}";
  }
  out += "],\"point_annotations\":[";
  for (std::size_t i = 0; i < prompts.points.size(); ++i) {
    const auto& p = prompts.points[i];
    out += i == 0 ? "{\"id\":\"" : ",{\"id\":\"";
    out += core::to_string(p.id) + "\",\"point_x\":" + std::to_string(p.at.x) +
           ",\"point_y\":" + std::to_string(p.at.y) + ",\"is_positive\":";
    out += p.is_positive ? "true}" : "false}";
  }
  out += "]}";
}

core::image_prompts read_prompts(std::string_view text) { return prompts_of(json::parse(text)); }

std::map<core::image_id, core::image_prompts> read_snapshot(std::string_view text) {
  std::map<core::image_id, core::image_prompts> out;
  const auto all = json::parse(text);
  for (const auto& [key, value] : all.items()) {
    const auto id = core::parse_id<core::image_id>(key);
    if (!id) throw std::runtime_error("a stored snapshot has a broken image id");
    out.emplace(*id, prompts_of(value));
  }
  return out;
}

std::string detections_text(const std::vector<core::detection>& detections) {
  std::string out = "[";
  for (const auto& d : detections) {
    out += out.size() == 1 ? "{\"bbox\":[" : ",{\"bbox\":[";
    append_number(out, std::int64_t{d.bounds.x});
    out += ',';
    append_number(out, std::int64_t{d.bounds.y});
    out += ',';
    append_number(out, std::int64_t{d.bounds.width});
    out += ',';
    append_number(out, std::int64_t{d.bounds.height});
    out += "],\"score\":";
    append_number(out, d.score);
    out += ",\"area\":";
    append_number(out, static_cast<std::int64_t>(d.area));
    out += ",\"size\":[";
    append_number(out, std::int64_t{d.mask.height});
    out += ',';
    append_number(out, std::int64_t{d.mask.width});
    out += "],\"counts\":";
    append_json_string(out, core::to_coco_string(d.mask));
    out += '}';
  }
  out += ']';
  return out;
}

std::vector<core::detection> read_detections(std::string_view text) {
  std::vector<core::detection> out;
  for (const auto& j : json::parse(text)) {
    core::detection d;
    const auto& b = j.at("bbox");
    d.bounds = {b.at(0), b.at(1), b.at(2), b.at(3)};
    d.score = j.at("score");
    d.area = j.at("area");
    auto mask = core::from_coco_string(j.at("counts").get_ref<const std::string&>(),
                                       j.at("size").at(0), j.at("size").at(1));
    if (!mask) throw std::runtime_error("a stored mask is broken");
    d.mask = std::move(*mask);
    out.push_back(std::move(d));
  }
  return out;
}

std::string bboxes_text(const std::vector<core::detection>& detections) {
  std::string out = "[";
  for (const auto& d : detections) {
    if (out.size() > 1) out += ',';
    out += "{\"x\":" + std::to_string(d.bounds.x) + ",\"y\":" + std::to_string(d.bounds.y) +
           ",\"width\":" + std::to_string(d.bounds.width) +
           ",\"height\":" + std::to_string(d.bounds.height) + "}";
  }
  out += ']';
  return out;
}

void read_blobs(std::string_view text, core::job_inputs& inputs) {
  const auto all = json::parse(text);
  for (const auto& [key, value] : all.items()) {
    const auto id = core::parse_id<core::image_id>(key);
    if (!id) continue;
    if (auto at = inputs.find(*id); at != inputs.end()) {
      at->second.blob_path = value.at(0);
      at->second.sha256 = value.at(1);
    }
  }
}

}  // namespace samovar::storage
