// Which units devices are at work on, remembered over the death of the server: a unit that was at
// work when a server died counts a try, and one that took several servers down is not tried again
// (it is poisonous: an image or a prompt that crashes the model).
#pragma once

#include "core/ids.hpp"

namespace samovar::core {

/// Thread-safe. Not durable against loss of power, which is no unit's fault.
class unit_journal {
 public:
  virtual ~unit_journal() = default;
  virtual void begin(job_id job, image_id image) = 0;
  virtual void end(job_id job, image_id image) = 0;
  /// How often a server died while a device was at work on this unit.
  virtual int deaths(job_id job, image_id image) const = 0;
};

}  // namespace samovar::core
