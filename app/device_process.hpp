// A device in a process of its own (devices.isolate): a crash in native code, a leak or a model
// that hangs costs the unit at work, not the server.
//
//   server                                   samovar device-process
//   process_runner --settings, units-->      serve_units: segmenter, blobs, codec
//                  <--identity, outcomes--
//
// One socket pair; frames are a length (32 bits, this machine's order) and JSON. The child ends
// when the socket closes or the server dies. It gets none of the server's descriptors, and no
// setting but those of data_dir, http.upload_mb_max, devices.list and [model].
#pragma once

#include <chrono>
#include <memory>

#include "config/settings.hpp"
#include "core/ports.hpp"

namespace samovar::app {

struct process_limits {
  std::chrono::milliseconds progress_max;  ///< between two signs of progress
  std::chrono::seconds unit_max;           ///< of one unit
};

/// Starts the process and waits until its model is loaded. Throws std::runtime_error with the
/// child's reason. A unit whose process ends, or goes over one of the limits (it is then killed),
/// fails as the machine's fault; the next unit gets a new process.
std::unique_ptr<core::unit_runner> start_device_process(const config::settings& s,
                                                        const std::string& device,
                                                        const process_limits& limits);

/// The child's side, on descriptor 3. Returns the exit code.
int serve_units();

}  // namespace samovar::app
