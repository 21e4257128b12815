// samovar segment: boxes and a text on one image file, without a server.
#include <fstream>
#include <iostream>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "config/devices.hpp"
#include "model/codec.hpp"
#include "model/segment_file.hpp"

namespace samovar::app {

int segment(const config::segment_command& c) {
  const auto codec = model::make_image_codec();
  const auto device = config::device_names(c.options.devices.list).value().front();
  const auto segmenter = make_segmenter(c.options, device);
  const auto found = model::segment_file(c.image, c.boxes, c.text, *segmenter, *codec);
  if (!found.ok()) return complain(c.image + ": " + found.failure().detail);
  std::vector<core::rle> masks;
  for (const auto& d : *found) {
    std::cout << "score " << d.score << " area " << d.area << " box " << d.bounds.x << ','
              << d.bounds.y << ',' << d.bounds.width << ',' << d.bounds.height << "\n";
    masks.push_back(d.mask);
  }
  if (masks.empty()) return complain(c.image + ": nothing was found");
  const auto all = core::rle_union(masks);
  const auto png = codec->encode_png(core::decode_rle(all), all.width, all.height);
  std::ofstream out(c.out, std::ios::binary);
  out << png;
  out.close();
  if (!out) return complain(c.out + ": the mask can't be written");
  return config::exit_ok;
}

}  // namespace samovar::app
