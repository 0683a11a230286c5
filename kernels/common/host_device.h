// Marks a formula that both twins of a room use: inline on the host, and on the device under nvcc.
#pragma once

#ifdef __CUDACC__
#define BURIN_HOST_DEVICE __host__ __device__ inline
#else
#define BURIN_HOST_DEVICE inline
#endif
