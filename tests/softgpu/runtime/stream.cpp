#include "runtime/stream.h"

#include <chrono>
#include <unordered_map>
#include <unordered_set>

namespace burin::softgpu {
namespace {

struct EventState {
  unsigned flags = 0;
  bool recorded = false;
  std::chrono::steady_clock::time_point at;
  StreamState* captured = nullptr;  // recorded on a stream that was being captured
};

StreamState& default_stream() {
  static StreamState s;
  return s;
}
std::unordered_set<StreamState*>& streams() {
  static auto* const s = new std::unordered_set<StreamState*>;
  return *s;
}
std::unordered_set<EventState*>& events() {
  static auto* const s = new std::unordered_set<EventState*>;
  return *s;
}
EventState* find_event(cudaEvent_t event) {
  auto* const e = reinterpret_cast<EventState*>(event);
  return events().contains(e) ? e : nullptr;
}

void end_capture(StreamState* origin) {
  for (StreamState* s : streams()) {
    if (s != origin && s->origin != origin) continue;
    s->status = cudaStreamCaptureStatusNone;
    s->graph = nullptr;
    s->origin = nullptr;
    s->unjoined = false;
  }
}

}  // namespace

StreamState* find_stream(cudaStream_t stream) {
  if (reinterpret_cast<uintptr_t>(stream) <= 2) return &default_stream();
  auto* const s = reinterpret_cast<StreamState*>(stream);
  return streams().contains(s) ? s : nullptr;
}

cudaError_t refuse_in_capture(cudaError_t error) {
  for (StreamState* s : streams()) {
    if (s->status == cudaStreamCaptureStatusActive && s->origin == s &&
        s->mode == cudaStreamCaptureModeGlobal) {
      s->status = cudaStreamCaptureStatusInvalidated;
      return remember(error);
    }
  }
  return cudaSuccess;
}

cudaError_t submit(cudaStream_t stream, Operation operation) {
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return cudaErrorInvalidResourceHandle;
  if (s->status == cudaStreamCaptureStatusInvalidated ||
      (s->origin != nullptr && s->origin->status == cudaStreamCaptureStatusInvalidated)) {
    return cudaErrorStreamCaptureInvalidated;
  }
  if (s->status == cudaStreamCaptureStatusNone) {
    // Work on the default stream would wait for the stream that is being captured.
    if (s == &default_stream()) {
      if (const cudaError_t e = refuse_in_capture(cudaErrorStreamCaptureImplicit); e != cudaSuccess)
        return e;
    }
    return execute(operation);
  }
  auto node = std::make_unique<GraphNode>();
  node->operation = std::move(operation);
  s->graph->nodes.push_back(std::move(node));
  if (s->origin != s) s->unjoined = true;
  return cudaSuccess;
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

// ---- Streams
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  auto* const s = new StreamState;
  s->flags = flags, s->priority = priority;
  streams().insert(s);
  *stream = reinterpret_cast<cudaStream_t>(s);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  ENTER_API();
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  ENTER_API();
  return cudaStreamCreateWithPriority(stream, 0, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  ENTER_API_NEEDING(Needs::kDevice);
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr || s == &default_stream()) return remember(cudaErrorInvalidResourceHandle);
  streams().erase(s);
  delete s;
  return sticky();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (s->status != cudaStreamCaptureStatusNone) {
    s->origin->status = cudaStreamCaptureStatusInvalidated;
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  return settle();
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  ENTER_API();
  return cudaStreamSynchronize(stream);
}
cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  *flags = s->flags;
  return cudaSuccess;
}
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  *priority = s->priority;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  EventState* const e = find_event(event);
  if (s == nullptr || e == nullptr) return remember(cudaErrorInvalidResourceHandle);
  StreamState* const from = e->captured;
  if (from != nullptr && from->status == cudaStreamCaptureStatusActive) {
    if (s->status == cudaStreamCaptureStatusNone) {
      s->status = cudaStreamCaptureStatusActive;  // the stream joins the capture
      s->graph = from->graph;
      s->origin = from->origin;
      s->unjoined = true;
    } else if (s->origin == from->origin && from != s) {
      from->unjoined = false;
    }
    return cudaSuccess;
  }
  if (s->status != cudaStreamCaptureStatusNone) return remember(cudaErrorStreamCaptureIsolation);
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Operation o;
  o.type = cudaGraphNodeTypeHost;
  o.run = [function, data] {
    function(data);
    return cudaSuccess;
  };
  return remember(submit(stream, std::move(o)));
}

// ---- Capture
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (s == &default_stream()) return remember(cudaErrorStreamCaptureUnsupported);
  if (s->status != cudaStreamCaptureStatusNone) return remember(cudaErrorIllegalState);
  s->status = cudaStreamCaptureStatusActive;
  s->mode = mode;
  s->graph = new Graph;
  s->origin = s;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (s->status == cudaStreamCaptureStatusNone) return remember(cudaErrorIllegalState);
  if (s->origin != s) return remember(cudaErrorStreamCaptureUnmatched);
  cudaError_t error = cudaSuccess;
  if (s->status == cudaStreamCaptureStatusInvalidated) error = cudaErrorStreamCaptureInvalidated;
  for (const StreamState* other : streams()) {
    if (error == cudaSuccess && other != s && other->origin == s && other->unjoined)
      error = cudaErrorStreamCaptureUnjoined;
  }
  *graph = error == cudaSuccess ? reinterpret_cast<cudaGraph_t>(s->graph) : nullptr;
  if (error != cudaSuccess) delete s->graph;
  end_capture(s);
  return remember(error);
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  *status = s->status;
  return cudaSuccess;
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  ENTER_API();
  static thread_local cudaStreamCaptureMode current = cudaStreamCaptureModeGlobal;
  std::swap(*mode, current);
  return cudaSuccess;
}

// ---- Events
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  auto* const e = new EventState;
  e->flags = flags;
  events().insert(e);
  *event = reinterpret_cast<cudaEvent_t>(e);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  ENTER_API();
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  ENTER_API_NEEDING(Needs::kDevice);
  const DeviceLock lock(device_mutex());
  EventState* const e = find_event(event);
  if (e == nullptr) return remember(cudaErrorInvalidResourceHandle);
  events().erase(e);
  delete e;
  return sticky();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  EventState* const e = find_event(event);
  StreamState* const s = find_stream(stream);
  if (e == nullptr || s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  e->captured = s->status == cudaStreamCaptureStatusActive ? s : nullptr;
  if (e->captured == nullptr) {
    e->recorded = true;
    e->at = std::chrono::steady_clock::now();
  }
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  ENTER_API();
  return cudaEventRecord(event, stream);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  EventState* const e = find_event(event);
  if (e == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (e->captured != nullptr && e->captured->status != cudaStreamCaptureStatusNone)
    return remember(cudaErrorCapturedEvent);
  return settle();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  ENTER_API();
  return cudaEventSynchronize(event);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  const EventState* const a = find_event(start);
  const EventState* const b = find_event(stop);
  if (a == nullptr || b == nullptr || !a->recorded || !b->recorded ||
      ((a->flags | b->flags) & cudaEventDisableTiming) != 0) {
    return remember(cudaErrorInvalidResourceHandle);
  }
  *milliseconds = std::chrono::duration<float, std::milli>(b->at - a->at).count();
  return cudaSuccess;
}

}  // extern "C"
