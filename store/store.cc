#include "kin/store/store.h"

#include <utility>

#include "kin/store/internal/engine.h"
#include "kin/store/internal/transaction_core.h"

namespace kin {

Store::Store(std::unique_ptr<internal::Engine> engine) : engine_(std::move(engine)) {}

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(Schema schema, OpenOptions options) {
  absl::StatusOr<std::unique_ptr<internal::Engine>> engine =
      internal::Engine::Open(std::move(schema), std::move(options.persistence),
                             {.max_transaction_changes = options.max_transaction_changes,
                              .watch_history_bytes = options.watch_history_bytes,
                              .clock = std::move(options.clock)});
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<Store>(new Store(std::move(*engine)));
}

absl::StatusOr<CommitNumber> Store::Write(absl::FunctionRef<absl::Status(Transaction&)> body,
                                          const WriteOptions& options) {
  return engine_->Write(
      [body](internal::TransactionCore& core) {
        Transaction transaction(&core);
        return body(transaction);
      },
      options.durability, options.timeout);
}

Snapshot Store::GetSnapshot() const { return Snapshot(engine_->AcquireView()); }

absl::Status Store::Flush(absl::Duration timeout) { return engine_->Flush(timeout); }

absl::Status Store::WaitDurable(CommitNumber commit, absl::Duration timeout) {
  return engine_->WaitDurable(commit, timeout);
}

CommitNumber Store::durable_commit() const { return engine_->durable_commit(); }

absl::Status Store::Close(absl::Duration timeout) { return engine_->Close(timeout); }

absl::StatusOr<std::unique_ptr<kin::Watch>> Store::Watch(const WatchOptions& options) {
  return engine_->StartWatch(options);
}

Stats Store::stats() const { return engine_->GetStats(); }

absl::Status Store::CheckInvariants() const { return engine_->CheckInvariants(); }

const Schema& Store::schema() const { return engine_->schema(); }

}  // namespace kin
