// Tells ThreadSanitizer of the locks inside Debian's Abseil.
//
// libabsl_synchronization.so is compiled without instrumentation, so ThreadSanitizer sees neither
// its locks nor the order they establish, and reports every access that they guard. This file
// defines the functions of absl::Mutex and its relatives once more, in the program, where the
// dynamic linker finds them first; each does what Abseil would do if it were instrumented, and
// calls the original.
//
// Between the two halves of an annotation ThreadSanitizer ignores what the thread does, which is
// what absl::Condition needs: whoever unlocks evaluates the conditions of those who wait.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/base/config.h"
#include "absl/synchronization/barrier.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace {

#define KIN_STRING_OF(x) #x
#define KIN_STRING(x) KIN_STRING_OF(x)
constexpr char kInlineNamespace[] = KIN_STRING(ABSL_OPTION_INLINE_NAMESPACE_NAME);

// The original of a function: `qualifiers` is "K" for a const member function, `name` what follows
// the namespace in its mangled name.
template <typename Function>
Function* Original(const char* qualifiers, const std::string& name) {
  const std::string symbol = std::string("_ZN") + qualifiers + "4absl" +
                             std::to_string(std::strlen(kInlineNamespace)) + kInlineNamespace +
                             name;
  void* found = dlsym(RTLD_NEXT, symbol.c_str());
  if (found == nullptr) __builtin_trap();  // Another Abseil than this file was written for.
  return reinterpret_cast<Function*>(found);
}

// Abseil's functions call one another; only the outermost is annotated.
thread_local int depth = 0;

class Outermost {
 public:
  Outermost() : is_(depth++ == 0) {}
  ~Outermost() { --depth; }
  explicit operator bool() const { return is_; }

 private:
  const bool is_;
};

// How a mutex is locked now. Its only word has this bit while a writer has it.
unsigned HeldAs(const absl::Mutex* mutex) {
  constexpr intptr_t kWriter = 0x0008;
  static_assert(sizeof(absl::Mutex) == sizeof(intptr_t));
  const intptr_t word = __atomic_load_n(reinterpret_cast<const intptr_t*>(mutex), __ATOMIC_RELAXED);
  return (word & kWriter) != 0 ? 0 : __tsan_mutex_read_lock;
}

template <typename Function>
auto Locking(absl::Mutex* mutex, unsigned mode, Function original) {
  struct Annotated {
    Annotated(absl::Mutex* m, unsigned f) : mutex(m), flags(f) {
      if (outermost) __tsan_mutex_pre_lock(mutex, flags);
    }
    ~Annotated() {
      if (outermost) __tsan_mutex_post_lock(mutex, flags, 0);
    }
    Outermost outermost;
    absl::Mutex* mutex;
    unsigned flags;
  } annotated(mutex, mode);
  return original();
}

template <typename Function>
bool TryLocking(absl::Mutex* mutex, unsigned mode, Function original) {
  Outermost outermost;
  if (!outermost) return original();
  mode |= __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mutex, mode);
  const bool locked = original();
  __tsan_mutex_post_lock(mutex, mode | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
  return locked;
}

template <typename Function>
void Unlocking(absl::Mutex* mutex, unsigned mode, Function original) {
  Outermost outermost;
  if (outermost) __tsan_mutex_pre_unlock(mutex, mode);
  original();
  if (outermost) __tsan_mutex_post_unlock(mutex, mode);
}

// Waiting with the mutex held: lets go of it and takes it again.
template <typename Function>
auto Waiting(absl::Mutex* mutex, Function original) {
  if (depth > 0) return original();
  const unsigned mode = HeldAs(mutex);
  __tsan_mutex_pre_unlock(mutex, mode);
  __tsan_mutex_post_unlock(mutex, mode);
  return Locking(mutex, mode, original);
}

// The flag behind HasBeenNotified(), an instrumented load: it follows the mutex.
const void* FlagOf(const absl::Notification* notification) {
  return reinterpret_cast<const char*>(notification) + sizeof(absl::Mutex);
}
void Release(const void* address) { __tsan_release(const_cast<void*>(address)); }
void Acquire(const void* address) { __tsan_acquire(const_cast<void*>(address)); }

constexpr unsigned kWrite = 0;
constexpr unsigned kRead = __tsan_mutex_read_lock;

using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::Time;

}  // namespace

#define KIN_ORIGINAL(name, ...) static auto* const original = Original<__VA_ARGS__>("", name)
#define KIN_CONST_ORIGINAL(name, ...) static auto* const original = Original<__VA_ARGS__>("K", name)

absl::Mutex::~Mutex() {
  KIN_ORIGINAL("5MutexD1Ev", void(Mutex*));
  original(this);
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
}
void absl::Mutex::Lock() {
  KIN_ORIGINAL("5Mutex4LockEv", void(Mutex*));
  Locking(this, kWrite, [this] { original(this); });
}
void absl::Mutex::ReaderLock() {
  KIN_ORIGINAL("5Mutex10ReaderLockEv", void(Mutex*));
  Locking(this, kRead, [this] { original(this); });
}
bool absl::Mutex::TryLock() {
  KIN_ORIGINAL("5Mutex7TryLockEv", bool(Mutex*));
  return TryLocking(this, kWrite, [this] { return original(this); });
}
bool absl::Mutex::ReaderTryLock() {
  KIN_ORIGINAL("5Mutex13ReaderTryLockEv", bool(Mutex*));
  return TryLocking(this, kRead, [this] { return original(this); });
}
void absl::Mutex::Unlock() {
  KIN_ORIGINAL("5Mutex6UnlockEv", void(Mutex*));
  Unlocking(this, kWrite, [this] { original(this); });
}
void absl::Mutex::ReaderUnlock() {
  KIN_ORIGINAL("5Mutex12ReaderUnlockEv", void(Mutex*));
  Unlocking(this, kRead, [this] { original(this); });
}

void absl::Mutex::LockWhen(const Condition& cond) {
  KIN_ORIGINAL("5Mutex8LockWhenERKNS0_9ConditionE", void(Mutex*, const Condition&));
  Locking(this, kWrite, [&] { original(this, cond); });
}
void absl::Mutex::ReaderLockWhen(const Condition& cond) {
  KIN_ORIGINAL("5Mutex14ReaderLockWhenERKNS0_9ConditionE", void(Mutex*, const Condition&));
  Locking(this, kRead, [&] { original(this, cond); });
}
bool absl::Mutex::LockWhenWithTimeout(const Condition& cond, Duration timeout) {
  KIN_ORIGINAL("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE",
               bool(Mutex*, const Condition&, Duration));
  return Locking(this, kWrite, [&] { return original(this, cond, timeout); });
}
bool absl::Mutex::LockWhenWithDeadline(const Condition& cond, Time deadline) {
  KIN_ORIGINAL("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE",
               bool(Mutex*, const Condition&, Time));
  return Locking(this, kWrite, [&] { return original(this, cond, deadline); });
}
bool absl::Mutex::ReaderLockWhenWithTimeout(const Condition& cond, Duration timeout) {
  KIN_ORIGINAL("5Mutex25ReaderLockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE",
               bool(Mutex*, const Condition&, Duration));
  return Locking(this, kRead, [&] { return original(this, cond, timeout); });
}
bool absl::Mutex::ReaderLockWhenWithDeadline(const Condition& cond, Time deadline) {
  KIN_ORIGINAL("5Mutex26ReaderLockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE",
               bool(Mutex*, const Condition&, Time));
  return Locking(this, kRead, [&] { return original(this, cond, deadline); });
}

void absl::Mutex::Await(const Condition& cond) {
  KIN_ORIGINAL("5Mutex5AwaitERKNS0_9ConditionE", void(Mutex*, const Condition&));
  Waiting(this, [&] { original(this, cond); });
}
bool absl::Mutex::AwaitWithTimeout(const Condition& cond, Duration timeout) {
  KIN_ORIGINAL("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE",
               bool(Mutex*, const Condition&, Duration));
  return Waiting(this, [&] { return original(this, cond, timeout); });
}
bool absl::Mutex::AwaitWithDeadline(const Condition& cond, Time deadline) {
  KIN_ORIGINAL("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE",
               bool(Mutex*, const Condition&, Time));
  return Waiting(this, [&] { return original(this, cond, deadline); });
}

void absl::CondVar::Wait(Mutex* mu) {
  KIN_ORIGINAL("7CondVar4WaitEPNS0_5MutexE", void(CondVar*, Mutex*));
  Waiting(mu, [&] { original(this, mu); });
}
bool absl::CondVar::WaitWithTimeout(Mutex* mu, Duration timeout) {
  KIN_ORIGINAL("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE",
               bool(CondVar*, Mutex*, Duration));
  return Waiting(mu, [&] { return original(this, mu, timeout); });
}
bool absl::CondVar::WaitWithDeadline(Mutex* mu, Time deadline) {
  KIN_ORIGINAL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE", bool(CondVar*, Mutex*, Time));
  return Waiting(mu, [&] { return original(this, mu, deadline); });
}

void absl::Notification::Notify() {
  KIN_ORIGINAL("12Notification6NotifyEv", void(Notification*));
  Release(FlagOf(this));
  original(this);
}
void absl::Notification::WaitForNotification() const {
  KIN_CONST_ORIGINAL("12Notification19WaitForNotificationEv", void(const Notification*));
  original(this);
  Acquire(FlagOf(this));
}
bool absl::Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  KIN_CONST_ORIGINAL("12Notification30WaitForNotificationWithTimeoutENS0_8DurationE",
                     bool(const Notification*, Duration));
  const bool notified = original(this, timeout);
  if (notified) Acquire(FlagOf(this));
  return notified;
}
bool absl::Notification::WaitForNotificationWithDeadline(Time deadline) const {
  KIN_CONST_ORIGINAL("12Notification31WaitForNotificationWithDeadlineENS0_4TimeE",
                     bool(const Notification*, Time));
  const bool notified = original(this, deadline);
  if (notified) Acquire(FlagOf(this));
  return notified;
}

bool absl::BlockingCounter::DecrementCount() {
  KIN_ORIGINAL("15BlockingCounter14DecrementCountEv", bool(BlockingCounter*));
  Release(this);
  return original(this);
}
void absl::BlockingCounter::Wait() {
  KIN_ORIGINAL("15BlockingCounter4WaitEv", void(BlockingCounter*));
  original(this);
  Acquire(this);
}
bool absl::Barrier::Block() {
  KIN_ORIGINAL("7Barrier5BlockEv", bool(Barrier*));
  Release(this);
  const bool last = original(this);
  Acquire(this);
  return last;
}
