// What is common to the launchers: nothing to do, streams, capture, repeatability.
#include "kernels/common/cuda_workspace.h"

#include "kernels/add/add.h"
#include "kernels/batch/batch.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/dropout/dropout.h"
#include "kernels/ema_update/ema_update.h"
#include "kernels/fill/fill.h"
#include "kernels/gather/gather.h"
#include "kernels/gaussian_kl/gaussian_kl.h"
#include "kernels/gaussian_latent/gaussian_latent.h"
#include "kernels/importance/importance.h"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/l1_update/l1_update.h"
#include "kernels/leaky_relu/leaky_relu.h"
#include "kernels/logistic_loss/logistic_loss.h"
#include "kernels/random_fill/random_fill.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reparameterize/reparameterize.h"
#include "kernels/resample/resample.h"
#include "kernels/scale/scale.h"
#include "kernels/sigmoid/sigmoid.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "kernels/tanh/tanh.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class LaunchersCuda : public TwinTest {};

TEST_F(LaunchersCuda, NothingToDoWritesNothingOrZero) {
  float* none = nullptr;
  cuda::leaky_relu_forward(none, none, 0, 0.2f, {});
  cuda::leaky_relu_backward(none, none, none, 0, 0.2f, true, {});
  cuda::sigmoid_forward(none, none, 0, {});
  cuda::sigmoid_backward(none, none, none, 0, true, {});
  cuda::tanh_forward(none, none, 0, {});
  cuda::tanh_backward(none, none, none, 0, true, {});
  cuda::add(none, none, none, 0, {});
  cuda::scale(none, 1.0f, none, 0, true, {});
  cuda::fill(none, 0, 1.0f, {});
  cuda::ema_update(none, none, 0, none, {});
  cuda::masked_average(none, none, none, 0, {});
  cuda::l1_activity_backward(none, none, 0, 1.0f, true, {});
  cuda::random_uniform(none, 0, 0.0f, 1.0f, {}, {});
  cuda::random_normal(none, 0, 1.0f, {}, {});
  cuda::reparameterize_forward(none, none, 0, {}, none, none, {});
  cuda::reparameterize_backward(none, none, none, none, none, 0, true, {});
  cuda::dropout_forward(none, none, 0, 0.5f, {}, {});
  cuda::dropout_backward(none, none, 0, 0.5f, {}, true, {});
  cuda::dropout_activation_backward(none, none, none, 0, 0.5f, Activation::tanh, 0, {}, {});
  cuda::gather_scale(nullptr, nullptr, 0, 784, 1.0f, 0.0f, none, {});
  cuda::gather_scale(nullptr, nullptr, 3, 0, 1.0f, 0.0f, none, {});
  cuda::gather_binarize(nullptr, nullptr, 0, 784, {}, none, {});
  cuda::gather_labels(nullptr, nullptr, 0, nullptr, {});
  cuda::batch_scale(nullptr, 3, 2, 0, {}, 1.0f, 0.0f, none, {}, {});
  cuda::batch_binarize(nullptr, 3, 2, 0, {}, {}, none, {});
  cuda::gaussian_latent_backward(none, none, none, 0, 20, 1.0f, 1.0f, none, {});
  cuda::gaussian_latent_backward(none, none, none, 3, 0, 1.0f, 1.0f, none, {});
  cuda::importance_sample(none, 0, 5, 20, 0, {}, 1, none, none, {});
  cuda::importance_sample(none, 3, 0, 20, 0, {}, 1, none, none, {});
  cuda::importance_sum(none, none, 0, 5, true, nullptr, nullptr, {});
  cuda::importance_weights(none, none, 0, 5, 1.0f, none, none, {});
  cuda::importance_backward({}, none, none, none, none, none, 0, 5, 20, 1.0f, 0.0f, none, {});
  cuda::resample(none, none, 0, 5, 3, 2, {}, none, none, {});
  cuda::resample(none, none, 2, 5, 3, 0, {}, none, none, {});
  cuda::bce_logits_rows_backward(none, none, none, 0, 10, 1, none, {});
  cuda::clip_norm(none, 0, none, 1, 1.0f, {});
  cuda::softmax(none, 0, 10, none, {});
  cuda::bce_logits_rows(none, none, 0, 10, 1, none, {});
  cuda::column_sum(none, 0, 0, 0, none, false, {});
  cuda::l1_update(none, none, none, none, none, nullptr, 0, 0, {}, nullptr, nullptr, {});

  Buffer out(12, 1);
  BufferOf<int64_t> count(1);
  float* p = out.data();
  cuda::sum(none, 0, 1.0f, p, {});
  cuda::abs_sum(none, 0, p + 1, {});
  cuda::sum_of_squares(none, 0, p + 2, {});
  cuda::l1_activity_forward(none, 0, 1.0f, p + 3, {});
  cuda::bce_logits(none, none, 0, 1.0f, p + 4, none, {});
  cuda::gaussian_kl(none, none, 0, 1.0f, p + 5, none, none, {});
  cuda::softmax_cross_entropy(none, nullptr, 0, 10, 1.0f, p + 6, none, {});
  cuda::bce_logits_rows(none, none, 1, 0, 1, p + 7, {});
  cuda::gaussian_latent_forward(none, 0, 20, 1.0f, {}, none, none, p + 8, {});
  cuda::gaussian_latent_forward(none, 3, 0, 1.0f, {}, none, none, p + 9, {});
  cuda::logistic_loss({none, none, none, none, 0, 256}, 1.0f, 0.5f, none, p + 10, none, none, {});
  cuda::importance_sample(none, 1, 1, 0, 0, {}, 1, none, p + 11, {});
  cuda::zero_count(none, 0, count.data(), {});
  EXPECT_EQ(out.values(), std::vector<float>(12, 0.0f));
  EXPECT_EQ(count.values()[0], 0);
}

TEST_F(LaunchersCuda, StreamsReduceApart) {
  const int64_t n = 100352;
  Buffer x(random_values(n)), out(3);
  cudaStream_t streams[2];
  for (cudaStream_t& stream : streams) cuda::check(cudaStreamCreate(&stream), "stream");
  EXPECT_NE(cuda::workspace_of({streams[0]}).partials, cuda::workspace_of({streams[1]}).partials);
  EXPECT_EQ(cuda::workspace_of({streams[0]}).finished, cuda::workspace_of({streams[0]}).finished);
  cuda::sum(x.data(), n, 1.0f, out.data(), {});
  for (int s = 0; s < 2; ++s) cuda::sum(x.data(), n, 1.0f, out.data() + 1 + s, {streams[s]});
  const std::vector<float> sums = out.values();
  EXPECT_EQ(sums[1], sums[0]);
  EXPECT_EQ(sums[2], sums[0]);
  for (cudaStream_t stream : streams) {
    cuda::release_workspace({stream});
    cuda::check(cudaStreamDestroy(stream), "cudaStreamDestroy");
  }
}

TEST_F(LaunchersCuda, WorkspacesRunOutWithAnErrorAndComeBack) {
  const auto fake = [](int i) { return Stream{reinterpret_cast<void*>(uintptr_t(0x1000 + i))}; };
  cuda::workspace_of({});
  int given = 0;
  EXPECT_THROW(for (; given < 100; ++given) cuda::workspace_of(fake(given)), std::runtime_error);
  EXPECT_LT(given, cuda::kWorkspaceStreams);
  cuda::release_workspace(fake(0));
  EXPECT_NO_THROW(cuda::workspace_of(fake(given)));
  for (int i = 0; i <= given; ++i) cuda::release_workspace(fake(i));
}

TEST_F(LaunchersCuda, ReductionsAreCapturedAndReplayed) {
  const int64_t n = 10000;
  Buffer x(random_values(n)), y(n), out(2);
  cudaStream_t stream;
  cuda::check(cudaStreamCreate(&stream), "stream");
  cudaGraph_t graph;
  cudaGraphExec_t program;
  cuda::workspace_of({stream});
  // Before the capture: data() may copy.
  float *const x_data = x.data(), *const y_data = y.data(), *const out_data = out.data();
  cuda::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  cuda::scale(x_data, 2.0f, y_data, n, false, {stream});
  cuda::sum(y_data, n, 1.0f, out_data, {stream});
  cuda::sum_of_squares(y_data, n, out_data + 1, {stream});
  cuda::check(cudaStreamEndCapture(stream, &graph), "end");
  cuda::check(cudaGraphInstantiate(&program, graph, 0), "instantiate");
  std::vector<float> first;
  for (int replay = 0; replay < 3; ++replay) {
    cuda::check(cudaGraphLaunch(program, stream), "launch");
    cuda::check(cudaStreamSynchronize(stream), "synchronize");
    out.data();  // what the graph writes is not on the host yet
    const std::vector<float> sums = out.values();
    if (replay == 0) first = sums;
    EXPECT_EQ(sums, first);
  }
  const std::vector<float> doubled = y.values();
  expect_sum(first[0], oracle::sum(doubled), n, oracle::abs_sum(doubled));
  cuda::check(cudaGraphExecDestroy(program), "destroy");
  cuda::check(cudaGraphDestroy(graph), "destroy");
  cuda::release_workspace({stream});
  cuda::check(cudaStreamDestroy(stream), "destroy");
}

}  // namespace
}  // namespace burin::test
