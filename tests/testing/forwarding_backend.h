// A backend that has another one do everything: what a test wants done otherwise it overrides.
#ifndef KIN_TESTS_TESTING_FORWARDING_BACKEND_H_
#define KIN_TESTS_TESTING_FORWARDING_BACKEND_H_

#include <memory>
#include <utility>

#include "kin/persistence/backend.h"

namespace kin::testing {

// Threads as the other one.
class ForwardingBackend : public persistence::Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<persistence::Backend> backend)
      : backend_(std::move(backend)) {}

  absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) override {
    return backend_->Load(schema, loader);
  }
  absl::Status Describe(absl::Span<const Violation> violations) override {
    return backend_->Describe(violations);
  }
  absl::Status Start() override { return backend_->Start(); }
  absl::Status Admit(absl::Span<const Change> changes) const override {
    return backend_->Admit(changes);
  }
  absl::Status Apply(const persistence::Batch& batch) override { return backend_->Apply(batch); }
  absl::Status Sync() override { return backend_->Sync(); }
  bool NeedsTidy() const override { return backend_->NeedsTidy(); }
  absl::Status Tidy() override { return backend_->Tidy(); }
  absl::Status Close() override { return backend_->Close(); }

 private:
  const std::unique_ptr<persistence::Backend> backend_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_FORWARDING_BACKEND_H_
