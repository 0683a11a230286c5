// The container that nvcc puts into a binary.
#pragma once

#include <string>

namespace burin::softgpu {

// PTX text of the image that __cudaRegisterFatBinary gets: of the highest target up to the
// device's, else of the lowest above, unless SOFTGPU_ARCH says what the device is: then
// *is_foreign. Empty, with an explanation on the error stream, if there is none that can be read.
std::string ptx_of_image(const void* wrapper, bool* is_foreign);

}  // namespace burin::softgpu
