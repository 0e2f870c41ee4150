#include "kin/store/schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kin/store/internal/model_ops.h"
#include "kin/store/internal/schema_data.h"

namespace kin {
namespace internal {
namespace {

// Gives out places in View::slots, from 1 on; returns the first that is free.
std::uint32_t AssignSlots(const ModelOps& ops) {
  static absl::Mutex mutex(absl::kConstInit);
  static std::uint32_t next = 1;
  absl::MutexLock lock(&mutex);
  if (ops.slot_base->offset.load(std::memory_order_relaxed) == 0) {
    ops.slot_base->offset.store(next * kSlotBytes, std::memory_order_relaxed);
    next += static_cast<std::uint32_t>(ops.slots);
  }
  return next;
}

}  // namespace

SchemaData::SchemaData(std::vector<const ModelOps*> models,
                       std::vector<std::unique_ptr<const ModelOps>> own)
    : ops(std::move(models)), own_(std::move(own)) {
  std::vector<const google::protobuf::Descriptor*> descriptors;
  std::string mistakes;
  for (const ModelOps* model : ops) {
    const int position = static_cast<int>(descriptors.size());
    descriptors.push_back(model->descriptor);
    if (!positions.emplace(model->descriptor, position).second) {
      absl::StrAppend(&mistakes, "\n", model->descriptor->full_name(),
                      ": the model is in the schema twice");
    }
    if (model->slot_base != nullptr) slots = std::max<std::size_t>(slots, AssignSlots(*model));
  }
  if (mistakes.empty()) {
    std::vector<graph::Diagnostic> diagnostics;
    graph = graph::Build(descriptors, &diagnostics);
    for (const graph::Diagnostic& diagnostic : diagnostics) {
      absl::StrAppend(&mistakes, "\n", diagnostic.ToString());
    }
  }
  if (!mistakes.empty()) {
    status = absl::InvalidArgumentError(absl::StrCat("the schema has mistakes:", mistakes));
    return;
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    keys.emplace_back(*ops[i], graph.models[i]->primary_key);
  }
}

}  // namespace internal

Schema::Schema(std::initializer_list<const internal::ModelOps*> models)
    : Schema(
          std::make_shared<internal::SchemaData>(std::vector<const internal::ModelOps*>(models))) {}

Schema::Schema(std::shared_ptr<const internal::SchemaData> data)
    : data_(std::move(data)), hooks_(std::make_shared<internal::Hooks>()) {}

Schema& Schema::AddHook(internal::Hooks::Entry hook) {
  auto hooks = std::make_shared<internal::Hooks>(*hooks_);
  hooks->entries.push_back(std::move(hook));
  hooks_ = std::move(hooks);
  return *this;
}

Schema& Schema::AfterCommit(
    std::function<absl::Status(CommitNumber commit, absl::Span<const Change> changes)> hook) {
  auto hooks = std::make_shared<internal::Hooks>(*hooks_);
  hooks->after_commit.push_back(std::move(hook));
  hooks_ = std::move(hooks);
  return *this;
}

Schema Schema::OfDescriptors(absl::Span<const google::protobuf::Descriptor* const> models,
                             google::protobuf::MessageFactory* factory) {
  std::vector<const internal::ModelOps*> all;
  std::vector<std::unique_ptr<const internal::ModelOps>> own;
  for (const google::protobuf::Descriptor* descriptor : models) {
    auto ops = std::make_unique<internal::ModelOps>();
    ops->descriptor = descriptor;
    ops->prototype = factory->GetPrototype(descriptor);
    all.push_back(ops.get());
    own.push_back(std::move(ops));
  }
  return Schema(std::make_shared<internal::SchemaData>(std::move(all), std::move(own)));
}

const absl::Status& Schema::status() const { return data_->status; }

const graph::Graph& Schema::graph() const { return data_->graph; }

int Schema::IndexOf(const google::protobuf::Descriptor* descriptor) const {
  auto it = data_->positions.find(descriptor);
  return it == data_->positions.end() ? -1 : it->second;
}

bool Schema::has_number_key(int model) const { return data_->keys[model].is_number(); }

FieldComparison Schema::ComparisonOf(int model,
                                     const google::protobuf::FieldDescriptor& field) const {
  using google::protobuf::FieldDescriptor;
  // Of floating-point fields a key does not keep every bit, and of a required field not whether it
  // is there.
  const bool exact = field.cpp_type() != FieldDescriptor::CPPTYPE_FLOAT &&
                     field.cpp_type() != FieldDescriptor::CPPTYPE_DOUBLE && !field.is_required() &&
                     !field.is_extension();
  for (const internal::FieldOps& ops : data_->ops[static_cast<std::size_t>(model)]->fields) {
    if (exact && ops.number == field.number()) return {&field, ops.get};
  }
  return {&field, nullptr};
}

KeyView Schema::KeyOf(int model, const google::protobuf::Message& record,
                      std::string* buffer) const {
  internal::KeyParts key;
  data_->keys[model].Read(record, &key);
  return data_->keys[model].Encode(key, buffer);
}

void Schema::SetKey(int model, const KeyView& key, google::protobuf::Message* record) const {
  data_->keys[model].Decode(key, record);
}

std::unique_ptr<google::protobuf::Message> Schema::NewRecord(int model) const {
  return std::unique_ptr<google::protobuf::Message>(data_->ops[model]->prototype->New());
}

}  // namespace kin
