// Builds a Graph, a step at a time. Each step reports the mistakes it finds and goes on with what
// is sound: what depends on something mistaken is left out in silence, so that one mistake gives
// one message.
//
// Thread-safety: thread-compatible.
#ifndef KIN_PROTO_GRAPH_INTERNAL_BUILDER_H_
#define KIN_PROTO_GRAPH_INTERNAL_BUILDER_H_

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/position.h"

namespace kin::graph::internal {

// Most fields a key, foreign key or index may have.
inline constexpr int kMaxKeyParts = 8;

// `name` of either kind of association.
inline constexpr int kNameOption = HasOptions::kNameFieldNumber;
static_assert(kNameOption == int{BelongsToOptions::kNameFieldNumber});

// An association as it was written.
struct Declaration {
  // Its target stays null if a mistake was found in it.
  Association* association = nullptr;
  // What wrote it: one of these two.
  const BelongsToOptions* belongs_to = nullptr;
  const HasOptions* has = nullptr;
  // The field whose belongs_to it is; null for one of the model.
  const google::protobuf::FieldDescriptor* field = nullptr;
  OptionPath path;
  // How far the resolution of a `through` is.
  enum class State { kNew, kResolving, kDone } state = State::kNew;
};

// A model and what was written about it.
struct ModelState {
  Model* model = nullptr;
  ModelOptions options;
  // Of each field, by FieldDescriptor::index().
  std::vector<FieldOptions> fields;
  // A mistake in the key was reported: who needs the key stays silent.
  bool has_key = false;
  // A mistake in the names for SQL was reported: what is derived of them stays silent.
  bool has_sql_names = true;
  // What the `index` options ask for.
  std::vector<Index> indexes;
  // As graph Model::associations.
  std::deque<Declaration> declarations;
  absl::flat_hash_map<std::string, Declaration*> by_name;

  const google::protobuf::Descriptor& descriptor() const { return *model->descriptor; }
};

class Builder {
 public:
  explicit Builder(std::vector<Diagnostic>* diagnostics) : diagnostics_(diagnostics) {}

  Graph Build(absl::Span<const google::protobuf::Descriptor* const> models);

  // Reports options on fields of messages that are not models.
  void CheckStrayOptions(const google::protobuf::FileDescriptor& file);

 private:
  using Descriptor = google::protobuf::Descriptor;
  using FieldDescriptor = google::protobuf::FieldDescriptor;

  // builder.cc
  void AddModel(const Descriptor& descriptor);
  void Report(const Position& position, std::string message);
  ModelState& StateOf(const Model* model) { return *states_by_model_.at(model->descriptor); }
  void CheckStrayOptions(const Descriptor& message);
  void CheckStrayOption(const FieldDescriptor& field, absl::string_view why);

  // fields.cc: keys, and what is said of single fields.
  void ResolveKey(ModelState& state);
  const FieldDescriptor* DefaultKey(ModelState& state);
  bool CheckKeyPart(ModelState& state, const FieldDescriptor& field);
  void CheckFields(ModelState& state);
  void CheckField(ModelState& state, const FieldDescriptor& field, const FieldOptions& options);
  void CheckJson(const FieldDescriptor& field);
  // value_rules.cc
  void ResolveValueRules(ModelState& state);
  void ResolveValueRule(ModelState& state, const FieldDescriptor& field,
                        const FieldOptions& options);
  void CheckRequiredForeignKeys();
  // stamps.cc: created_at, updated_at and lock_version.
  void ResolveStamps(ModelState& state);
  bool CheckStamp(ModelState& state, const FieldDescriptor& field, const FieldOptions& options,
                  int option);
  void CheckFilledInKeys();
  // The fields of `message` called `names`, the i-th of which is at `position(i)`. Reports those
  // that there are not, repetitions, and too many, each message beginning with `what`; nothing
  // then.
  std::optional<FieldList> FindFields(const google::protobuf::RepeatedPtrField<std::string>& names,
                                      const Descriptor& message,
                                      absl::FunctionRef<Position(int)> position,
                                      absl::string_view what);

  // declarations.cc: which associations there are.
  void Declare(ModelState& state);
  void DeclareBelongsTo(ModelState& state, const BelongsToOptions& options,
                        const FieldDescriptor* field, OptionPath path);
  void DeclareHas(ModelState& state, const HasOptions& options, Association::Kind kind,
                  OptionPath path);
  void CheckName(ModelState& state, Declaration& declaration);
  Position PositionOf(const Declaration& declaration, const OptionPath& inside = {}) const;
  // `has_many "posts"`.
  static std::string TextOf(const Declaration& declaration);
  // `has_many "posts" of a.User`.
  static std::string LongTextOf(const Declaration& declaration);

  // foreign_keys.cc: direct associations.
  void ResolveBelongsTo(ModelState& state, Declaration& declaration);
  void ResolveHas(ModelState& state, Declaration& declaration);
  ModelState* FindModel(const Declaration& declaration, absl::string_view name, int option);
  std::optional<FieldList> OwnKey(ModelState& parent,
                                  const google::protobuf::RepeatedPtrField<std::string>& names,
                                  const Declaration& declaration, int option);
  std::optional<FieldList> ForeignKeyFields(ModelState& parent, ModelState& child,
                                            const Declaration& declaration);
  bool CheckMatch(const Declaration& declaration, const Position& position, const Model& child,
                  const FieldList& fields, const Model& parent, const FieldList& own_key);
  ForeignKey* AddForeignKey(Model* child, FieldList fields, Model* parent, FieldList own_key);
  bool CheckDelete(const Declaration& declaration, const ForeignKey& key);
  void CheckHasOnes();

  // through.cc: associations through others.
  void ResolveThrough(Declaration& declaration);
  Declaration* FindStep(Declaration& declaration, ModelState& state, absl::string_view name);
  Declaration* FindSource(Declaration& declaration, ModelState& middle);
  bool CheckThroughOptions(const Declaration& declaration);
  void FinishThrough(const Declaration& declaration, const Association& through,
                     const Association& source, const ModelState* wanted);
  void ReportCircle(Declaration& declaration);

  // indexes.cc
  void CheckIndexes(ModelState& state);
  void BuildIndexes();
  void BuildAskedIndexes(ModelState& state);
  int AddIndex(Model* model, const FieldList& fields);

  // collisions.cc: names that cannot stand side by side.
  void CheckTables();
  void CheckSqlIndexes();
  void CheckColumns(ModelState& state);
  void CheckCppMembers(ModelState& state);
  void CheckCppClasses();

  std::vector<Diagnostic>* diagnostics_;
  Graph graph_;
  std::deque<ModelState> states_;
  absl::flat_hash_map<const Descriptor*, ModelState*> states_by_model_;

  using ForeignKeyId = std::pair<const Model*, FieldList>;
  // By child and fields. Null where a mistake in it was reported.
  absl::flat_hash_map<ForeignKeyId, ForeignKey*> foreign_keys_;
  absl::flat_hash_map<const ForeignKey*, std::vector<const Declaration*>> has_over_;
  absl::flat_hash_map<std::pair<const Model*, FieldList>, int> indexes_;
  // The associations through which the one being resolved leads.
  std::vector<Declaration*> resolving_;
};

}  // namespace kin::graph::internal

#endif  // KIN_PROTO_GRAPH_INTERNAL_BUILDER_H_
