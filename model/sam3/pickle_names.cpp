#include "model/sam3/pickle_names.hpp"

#include <array>

#include "model/sam3/tensor_table.hpp"

namespace samovar::model::sam3 {
namespace {

struct storage_class {
  std::string_view name;
  element type;
};
constexpr std::array storage_classes{
    storage_class{"DoubleStorage", element::f64},
    storage_class{"FloatStorage", element::f32},
    storage_class{"HalfStorage", element::f16},
    storage_class{"BFloat16Storage", element::bf16},
    storage_class{"LongStorage", element::i64},
    storage_class{"IntStorage", element::i32},
    storage_class{"ShortStorage", element::i16},
    storage_class{"CharStorage", element::i8},
    storage_class{"ByteStorage", element::u8},
    storage_class{"BoolStorage", element::boolean},
    storage_class{"ComplexFloatStorage", element::c64},
};

}  // namespace

imported find_import(std::string_view module, std::string_view name) {
  if (module == "collections" && name == "OrderedDict") return {{}, known_name::ordered_dict};
  if (module == "torch._utils" && name == "_rebuild_tensor_v2")
    return {{}, known_name::rebuild_tensor};
  if (module == "torch._utils" && name == "_rebuild_parameter")
    return {{}, known_name::rebuild_parameter};
  if (module == "torch")
    for (const auto& c : storage_classes)
      if (name == c.name) return {c.type, {}};
  throw file_refused("it wants to import \"" + shown(module) + "." + shown(name) +
                     "\", which is more than tensors need");
}

}  // namespace samovar::model::sam3
