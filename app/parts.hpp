// What several commands need.
#pragma once

#include <memory>
#include <string>

#include "config/command_line.hpp"
#include "core/ids.hpp"
#include "core/ports.hpp"
#include "core/time.hpp"
#include "storage/database.hpp"

namespace samovar::app {

core::timestamp now();
core::uuid new_uuid(const core::secrets& secrets);
storage::database_options database_options_of(const config::settings& s);
/// What the segmenter on the first device will be; for sam3 its files are checked (the error's
/// sentence is for whoever runs the server) and nothing is loaded. Throws std::runtime_error.
struct model_facts {
  std::string identity;
  core::segmenter_abilities abilities;
};
model_facts find_model_facts(const config::settings& s);
/// Throws std::runtime_error where a device of the list needs what this machine or build has not.
void check_devices(const config::settings& s);

/// Loads the model of one device of devices.list ("cpu:0", "cuda:1"). Throws std::runtime_error.
std::unique_ptr<core::segmenter> make_segmenter(const config::settings& s,
                                                const std::string& device);
std::unique_ptr<core::image_codec> make_codec(const config::settings& s);
/// Loads the model; `blobs` and `codec` must outlive the runner.
std::unique_ptr<core::unit_runner> make_runner(const config::settings& s, const std::string& device,
                                               core::blob_store& blobs, core::image_codec& codec);

bool speaks_tls(const config::settings& s);
/// Where the server listens, as a URL.
std::string url_of(const config::settings& s, std::uint16_t port);
/// A running server writes its address into the data directory, for `samovar user invite` beside
/// it.
void note_address(const config::settings& s, const std::string& url);
/// The address to put into links: http.public_url, what a server noted, or what the settings say.
std::string address_for_links(const config::settings& s);

/// "samovar: <sentence>" on stderr; returns the exit code.
int complain(const std::string& sentence, int exit_code = config::exit_failure);

}  // namespace samovar::app
