#include "kin/store/query/internal/filter_path.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/store/query/internal/filter_literal.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using graph::Association;

// Longer ones have no near misses.
constexpr std::size_t kLongestName = 64;

class Resolver {
 public:
  Resolver(const graph::Graph& graph, const Scope& scope, absl::Span<const Token> parts,
           const PathLimits& limits)
      : graph_(graph), scope_(scope), parts_(parts), limits_(limits) {}

  absl::StatusOr<Target> Resolve() {
    const Descriptor* message = scope_.message;
    bool is_record = scope_.is_record;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const bool last = i + 1 == parts_.size();
      const Token& name = parts_[i];
      target_.association = is_record ? FindAssociation(*message, name) : nullptr;
      if (target_.association != nullptr) {
        if (absl::Status status = CountAssociation(name); !status.ok()) return status;
        message = target_.association->target->descriptor;
        const Hop hop = {Hop::Kind::kAssociation, target_.association, nullptr, nullptr};
        if (absl::Status status = last ? absl::OkStatus() : AddHop(hop, name); !status.ok()) {
          return status;
        }
        continue;
      }
      target_.field = FindField(*message, name);
      if (target_.field == nullptr) return NothingCalled(*message, is_record, name);
      is_record = false;
      if (!last && target_.field->is_map()) {
        if (absl::Status status = EnterMap(parts_[++i]); !status.ok()) return status;
        if (i + 1 == parts_.size()) break;
      }
      if (i + 1 == parts_.size()) break;
      if (absl::Status status = EnterMessage(name); !status.ok()) return status;
      message = target_.field->message_type();
    }
    return std::move(target_);
  }

 private:
  const Association* FindAssociation(const Descriptor& message, const Token& name) const {
    const graph::Model* model = graph_.Find(&message);
    return model == nullptr ? nullptr : model->FindAssociation(name.text);
  }

  static const FieldDescriptor* FindField(const Descriptor& message, const Token& name) {
    return message.FindFieldByName(name.text);
  }

  absl::Status NothingCalled(const Descriptor& message, bool is_record, const Token& name) const {
    std::vector<std::string> names = graph::internal::FieldNames(message);
    const graph::Model* model = is_record ? graph_.Find(&message) : nullptr;
    if (model != nullptr) {
      for (const auto& association : model->associations) names.push_back(association->name);
    }
    const bool has_near = name.text.size() <= kLongestName;
    return FilterError(name.offset,
                       absl::StrCat(message.full_name(), " has no field ",
                                    is_record ? "or association " : "", Quote(name.text),
                                    has_near ? graph::internal::DidYouMean(name.text, names) : ""));
  }

  absl::Status CountAssociation(const Token& name) {
    if (scope_.associations + ++associations_ <= limits_.associations) return absl::OkStatus();
    return FilterError(name.offset, absl::StrCat("more than ", limits_.associations,
                                                 " associations follow each other here"));
  }

  absl::Status AddHop(Hop hop, const Token& name) {
    target_.hops.push_back(std::move(hop));
    if (scope_.depth + static_cast<int>(target_.hops.size()) <= limits_.depth) {
      return absl::OkStatus();
    }
    return FilterError(name.offset,
                       absl::StrCat("the filter is more than ", limits_.depth, " deep here"));
  }

  absl::Status EnterMap(const Token& key) {
    const Descriptor& entry = *target_.field->message_type();
    // In quotes, for a minus is no part of a name.
    Token literal = key;
    if (TypeOf(*entry.map_key()) != FieldType::kText) literal.kind = Token::Kind::kWord;
    absl::StatusOr<Value> value = ParseLiteral(*entry.map_key(), literal);
    if (!value.ok()) return value.status();
    absl::StatusOr<Condition> is_key = Compare(*entry.map_key(), Comparison::kEqual, *value);
    if (!is_key.ok()) return is_key.status();
    const Hop hop = {Hop::Kind::kEntry, nullptr, target_.field, *std::move(is_key)};
    target_.field = entry.map_value();
    return AddHop(hop, key);
  }

  absl::Status EnterMessage(const Token& name) {
    if (target_.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return FilterError(name.offset,
                         absl::StrCat(Named(*target_.field), " has no fields of its own"));
    }
    return AddHop({Hop::Kind::kMessage, nullptr, target_.field, nullptr}, name);
  }

  const graph::Graph& graph_;
  const Scope& scope_;
  absl::Span<const Token> parts_;
  const PathLimits& limits_;
  Target target_;
  int associations_ = 0;
};

// Over the associations that begin the path.
absl::StatusOr<Condition> WrapAssociations(const Target& target, Condition condition) {
  for (auto hop = target.hops.rbegin(); hop != target.hops.rend(); ++hop) {
    if (hop->kind != Hop::Kind::kAssociation) continue;
    absl::StatusOr<Condition> has = Has(AssociationName(*hop->association), std::move(condition));
    if (!has.ok()) return has.status();
    condition = *std::move(has);
  }
  return condition;
}

absl::StatusOr<Condition> WithinEntry(const Hop& hop, Condition condition) {
  return Within(*hop.field, And({hop.key, std::move(condition)}));
}

}  // namespace

bool IsKeyword(const Token& token) {
  return token.IsWord("AND") || token.IsWord("OR") || token.IsWord("NOT");
}

absl::StatusOr<Target> ResolvePath(const graph::Graph& graph, const Scope& scope,
                                   absl::Span<const Token> parts, const PathLimits& limits) {
  return Resolver(graph, scope, parts, limits).Resolve();
}

Scope ScopeAt(const Scope& scope, const Target& target) {
  Scope inner = scope;
  inner.is_record = target.association != nullptr;
  inner.message =
      inner.is_record ? target.association->target->descriptor : target.field->message_type();
  inner.depth += static_cast<int>(target.hops.size()) + 1;
  inner.associations += inner.is_record ? 1 : 0;
  for (const Hop& hop : target.hops) {
    if (hop.kind == Hop::Kind::kAssociation) ++inner.associations;
  }
  return inner;
}

const FieldDescriptor* FindRepeatedHop(const Target& target) {
  for (const Hop& hop : target.hops) {
    if (hop.kind == Hop::Kind::kMessage && hop.field->is_repeated()) return hop.field;
  }
  return nullptr;
}

absl::StatusOr<Condition> Wrap(const Target& target, Condition leaf) {
  for (auto hop = target.hops.rbegin(); hop != target.hops.rend(); ++hop) {
    if (hop->kind == Hop::Kind::kAssociation) break;
    absl::StatusOr<Condition> within = hop->kind == Hop::Kind::kEntry
                                           ? WithinEntry(*hop, std::move(leaf))
                                           : Within(*hop->field, std::move(leaf));
    if (!within.ok()) return within.status();
    leaf = *std::move(within);
  }
  return WrapAssociations(target, std::move(leaf));
}

absl::StatusOr<Condition> WrapAbsent(const Target& target, Condition leaf, bool wanted) {
  // Until it is asked of one of several elements, `leaf` says that there is nothing.
  bool is_absence = true;
  const auto settle = [&] {
    if (is_absence && !wanted) leaf = Not(std::move(leaf));
    is_absence = false;
  };
  for (auto hop = target.hops.rbegin(); hop != target.hops.rend(); ++hop) {
    if (hop->kind == Hop::Kind::kAssociation) break;
    const bool is_entry = hop->kind == Hop::Kind::kEntry;
    const bool is_one = !is_entry && !hop->field->is_repeated();
    if (!is_entry && !is_one) settle();
    absl::StatusOr<Condition> inside =
        is_entry ? Within(*hop->field, hop->key) : IsNull(*hop->field);
    if (!inside.ok()) return inside.status();
    const Condition missing = is_entry ? Not(*std::move(inside)) : *std::move(inside);
    absl::StatusOr<Condition> within =
        is_entry ? WithinEntry(*hop, std::move(leaf)) : Within(*hop->field, std::move(leaf));
    if (!within.ok()) return within.status();
    leaf = *std::move(within);
    if (is_absence) {
      leaf = Or({missing, std::move(leaf)});
    } else if (is_one) {
      leaf = And({Not(missing), std::move(leaf)});
    }
  }
  settle();
  return WrapAssociations(target, std::move(leaf));
}

}  // namespace kin::query::internal
