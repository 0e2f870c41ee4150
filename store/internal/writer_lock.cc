#include "kin/store/internal/writer_lock.h"

#include <sched.h>

#include <chrono>

namespace kin::internal {
namespace {

constexpr std::chrono::microseconds kPatience(20);

// With one processor nobody lets go meanwhile.
bool OthersRun() {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof(processors), &processors) != 0 || CPU_COUNT(&processors) > 1;
}

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void WriterLock::LockContended() {
  static const bool kOthersRun = OthersRun();
  if (kOthersRun) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    do {
      for (int i = 0; i < 16; ++i) {
        Pause();
        if (mutex_->TryLock()) return;
      }
    } while (std::chrono::steady_clock::now() < end);
  }
  mutex_->Lock();
}

}  // namespace kin::internal
