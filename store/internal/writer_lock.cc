#include "kin/store/internal/writer_lock.h"

#include <chrono>
#include <thread>

namespace kin::internal {
namespace {

constexpr std::chrono::microseconds kPatience(20);

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void WriterLock::LockHeld() {
  // With one processor nobody lets go meanwhile.
  static const bool kOthersRun = std::thread::hardware_concurrency() > 1;
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
