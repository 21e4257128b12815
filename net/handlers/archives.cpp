// GET /exports/yolo and /exports/masks: ZIP archives of many images, streamed.
#include <unordered_map>
#include <unordered_set>

#include "net/handlers/all.hpp"
#include "net/handlers/export_walk.hpp"
#include "net/handlers/renderings.hpp"
#include "net/handlers/zip.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

/// Stems made different from each other: cat, cat_2, cat_3 ...
class stem_namer {
 public:
  std::string operator()(const core::image& i) {
    const auto stem = stem_of(i);
    auto name = stem;
    if (used_.insert(name).second) return name;
    // All numbers below this one are used: cameras and scripts give many files the same name.
    auto& n = next_.try_emplace(stem, 2).first->second;
    do name = stem + "_" + std::to_string(n++);
    while (!used_.insert(name).second);
    return name;
  }

 private:
  std::unordered_set<std::string> used_;
  std::unordered_map<std::string, int> next_;
};

/// Calls `add_image` for each image with a result and `add_last` once at the end.
struct archive_stream {
  export_walk walk;
  std::function<std::string(zip_writer&, const core::image&, const core::processing_result&)>
      add_image;
  std::function<std::string(zip_writer&)> add_last;
  zip_writer zip;

  bool operator()(std::string& piece) {
    while (piece.size() < piece_bytes) {
      const auto found = walk.next();
      if (!found) {
        piece += add_last(zip);
        piece += zip.finish();
        return false;
      }
      piece += add_image(zip, found->first, found->second);
    }
    return true;
  }
};

reply archive(archive_stream made, const std::string& name) {
  const auto stream = std::make_shared<archive_stream>(std::move(made));
  const auto mode = std::string(core::to_string(stream->walk.mode()));
  return download([stream](std::string& piece) { return (*stream)(piece); }, "application/zip",
                  mode + "_" + name + ".zip");
}

reply export_masks(services& s, const request& r) {
  const auto names = std::make_shared<stem_namer>();
  return archive(
      {export_walk(s, r, false),
       [&s, names](zip_writer& zip, const core::image& i, const core::processing_result& result) {
         const auto png = combined_mask(s, result, mask_size(s, result));
         return zip.add((*names)(i) + ".png", png);
       },
       [](zip_writer&) { return std::string(); },
       {}},
      "masks");
}

/// One line per outline: class, then x y pairs as fractions of the image's size. A mask too small
/// for an outline is given as its box.
std::string yolo_labels(core::image_codec& codec, std::size_t category, const core::image& i,
                        const core::processing_result& result) {
  std::string text;
  const auto add_line = [&](const std::vector<double>& ring) {
    text += std::to_string(category);
    for (std::size_t n = 0; n < ring.size(); ++n) {
      text += ' ';
      json_out(text).value(ring[n] / (n % 2 == 0 ? i.width : i.height));
    }
    text += '\n';
  };
  for (const auto& d : result.detections) {
    const auto rings = codec.polygons(d.mask);
    for (const auto& ring : rings) add_line(ring);
    if (rings.empty() && d.area > 0) {
      const double x = d.bounds.x, y = d.bounds.y;
      const double right = x + d.bounds.width, bottom = y + d.bounds.height;
      add_line({x, y, right, y, right, bottom, x, bottom});
    }
  }
  return text;
}

/// The folder layout of YOLO segmentation data sets, without the pictures.
struct yolo_export {
  core::image_codec& codec;
  stem_namer names{};
  std::vector<std::string> categories{};
  std::unordered_map<std::string, std::size_t> numbers{};  ///< of the categories

  std::size_t category_of(const core::processing_result& result) {
    const auto name = core::relevant_prompts(result.prompts, result.mode).text.value_or("object");
    const auto [at, fresh] = numbers.try_emplace(name, categories.size());
    if (fresh) categories.push_back(name);
    return at->second;
  }
  std::string add(zip_writer& zip, const core::image& i, const core::processing_result& result) {
    const auto labels = yolo_labels(codec, category_of(result), i, result);
    return zip.add("labels/" + names(i) + ".txt", labels);
  }
  /// JSON strings are YAML strings too, whatever the prompt holds.
  std::string description() const {
    std::string yaml = "path: .\ntrain: images\nval: images\nnames:\n";
    for (std::size_t n = 0; n < categories.size(); ++n) {
      yaml += "  " + std::to_string(n) + ": ";
      json_out(yaml).value(categories[n]);
      yaml += '\n';
    }
    return yaml;
  }
};

reply export_yolo(services& s, const request& r) {
  const auto yolo = std::make_shared<yolo_export>(yolo_export{s.codec});
  return archive(
      {export_walk(s, r, true),
       [yolo](zip_writer& zip, const core::image& i, const core::processing_result& result) {
         return yolo->add(zip, i, result);
       },
       [yolo](zip_writer& zip) { return zip.add("data.yaml", yolo->description()); },
       {}},
      "yolo");
}

}  // namespace

std::vector<route> archive_routes(services& s, access_control&) {
  return {
      make_route("GET", "/api/v1/exports/yolo",
                 [&](const request& r) { return export_yolo(s, r); }),
      make_route("GET", "/api/v1/exports/masks",
                 [&](const request& r) { return export_masks(s, r); }),
  };
}

}  // namespace samovar::net
