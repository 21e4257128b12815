#include "model/sam3/module.hpp"

extern "C" int samovar_sam3_interface_number() { return samovar::model::sam3::interface_number; }
