// Bugs in calls of cuBLAS, for memcheck and initcheck.
#include <cublas_v2.h>

#include "test/planted/planted.h"

namespace {

// C[2, 2] = A[2, k] B[k, 2] of matrices that hold `held` columns and rows.
int multiply(int k, int held, bool written) {
  Ints a(2 * held, written), b(2 * held), c(4);
  cublasHandle_t handle;
  if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS) return 1;
  const auto floats = [](const Ints& x) { return reinterpret_cast<float*>(x.data); };
  const float one = 1.0f, zero = 0.0f;
  cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, k, &one, floats(a), 2, floats(b), k, &zero,
              floats(c), 2);
  cublasDestroy(handle);
  return finish();
}

}  // namespace

CASE(cublas_outside_bad) {
  return multiply(9, 8, true);
}
CASE(cublas_outside_good) {
  return multiply(8, 8, true);
}
CASE(cublas_uninitialised_bad) {
  return multiply(8, 8, false);
}
CASE(cublas_uninitialised_good) {
  return multiply(8, 8, true);
}
