// The container that nvcc puts into a binary.
#pragma once

#include <string>

namespace burin::softgpu {

// PTX text of the image that __cudaRegisterFatBinary gets: of the highest target up to sm_80, else
// of the lowest above. Empty, with an explanation on the error stream, if there is none that can be
// read.
std::string ptx_of_image(const void* wrapper);

}  // namespace burin::softgpu
