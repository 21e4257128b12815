// samovar check-model: what is in a SAM 3 checkpoint, and whether it can be used. LibTorch is not
// needed for that.
#include <openssl/evp.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "model/sam3/checkpoint.hpp"

namespace samovar::app {
namespace {

using namespace model::sam3;

std::string sha256(std::span<const std::byte> bytes) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest, &size) != 1)
    throw std::runtime_error("OpenSSL has no SHA-256");
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out.push_back(digits[digest[i] >> 4]);
    out.push_back(digits[digest[i] & 15]);
  }
  return out;
}

std::ostream& line(const std::string& label) {
  return std::cout << label << std::string(label.size() < 12 ? 12 - label.size() : 1, ' ');
}

void print_file(const std::string& path, const tensor_file& file) {
  line("file") << std::filesystem::path(path).filename().string() << ", " << name_of(file.format())
               << ", " << file.bytes().size() << " bytes\n";
  line("sha256") << sha256(file.bytes()) << "\n";
  std::map<std::string_view, std::size_t> types;
  std::size_t bytes = 0;
  for (const auto& [name, view] : file.tensors()) {
    ++types[name_of(view.type)];
    bytes += view.byte_size;
  }
  line("tensors") << file.tensors().size() << ", " << bytes << " bytes:";
  for (const auto& [type, count] : types) std::cout << " " << count << " " << type;
  std::cout << "\n";
}

std::uint64_t parameters_of(const checkpoint& c) {
  std::uint64_t out = 0;
  for (const auto& [name, t] : c.tensors) {
    std::uint64_t n = 1;
    for (const auto side : t.shape) n *= static_cast<std::uint64_t>(side);
    out += n;
  }
  return out;
}

void print_sizes(const checkpoint& c) {
  const auto& o = c.sizes;
  line("names") << (c.names == naming::released ? "as released" : "of the transformers library")
                << "\n";
  line("config.json") << (c.has_config ? "beside the file"
                                       : "none; what shapes don't tell is as in the released model")
                      << "\n";
  line("parameters") << parameters_of(c) << " for images\n";
  line("image") << o.image_size << " px, patches of " << o.patch << " px, windows of " << o.window
                << " patches\n";
  line("trunk") << "width " << o.vit_width << ", " << o.vit_depth << " blocks, " << o.vit_heads
                << " heads, global in blocks";
  for (const auto b : o.global_blocks) std::cout << " " << b;
  std::cout << "\n";
  line("text") << "width " << o.text_width << ", " << o.text_depth << " blocks, " << o.text_heads
               << " heads, " << o.vocabulary << " words, " << o.context << " at a time\n";
  line("detector") << "width " << o.width << ", " << o.encoder_depth << " + " << o.decoder_depth
                   << " layers, " << o.heads << " heads, " << o.queries << " queries, exemplar "
                   << (o.geometry_points ? "boxes and points" : "boxes") << "\n";
  line("clicks") << o.sam_depth << " layers, " << o.sam_heads << " heads, " << o.mask_tokens
                 << " masks\n";
}

void print_names(const std::string& label, const std::vector<std::string>& names) {
  constexpr std::size_t shown_max = 20;
  for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i)
    line(label) << names[i] << "\n";
  if (names.size() > shown_max) line(label) << "... and " << names.size() - shown_max << " more\n";
}

std::string summary(const checkpoint_report& report) {
  return std::to_string(report.missing.size()) + " tensors are missing, " +
         std::to_string(report.misshapen.size()) + " misshapen and " +
         std::to_string(report.unknown.size()) + " unknown";
}

}  // namespace

int check_model(const config::check_model_command& c) {
  auto file = open_tensor_file(c.file);
  if (!file.ok()) return complain(c.file + ": " + file.failure().detail);
  print_file(c.file, **file);
  const auto read = read_checkpoint(std::move(*file), c.file);
  if (!read.ok()) return complain(c.file + ": " + read.failure().detail);
  print_sizes(*read);
  const auto ignored =
      std::count_if(read->file->tensors().begin(), read->file->tensors().end(),
                    [&](const auto& t) { return is_ignored(read->names, t.first); });
  line("ignored") << ignored << " tensors that images don't need\n";
  const auto report = compare(*read);
  print_names("missing", report.missing);
  print_names("misshapen", report.misshapen);
  print_names("unknown", report.unknown);
  if (!report.complete())
    return complain(c.file + ": Not a usable SAM 3 checkpoint: " + summary(report));
  std::cout << "usable\n";
  return config::exit_ok;
}

}  // namespace samovar::app
