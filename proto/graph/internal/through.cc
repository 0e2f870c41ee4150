// Associations through others.
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/lookup.h"

namespace kin::graph::internal {
namespace {

std::vector<std::string> NamesOf(const ModelState& state) {
  std::vector<std::string> names;
  for (const auto& association : state.model->associations) {
    if (!association->name.empty()) names.push_back(association->name);
  }
  return names;
}

std::string HasAssociations(const ModelState& state) {
  const std::vector<std::string> names = NamesOf(state);
  if (names.empty()) return absl::StrCat(state.model->name, " has no associations");
  return absl::StrCat(state.model->name, " has ", Quoted(names));
}

}  // namespace

bool Builder::CheckThroughOptions(const Declaration& declaration) {
  bool sound = true;
  const auto refuse = [&](bool given, int option, absl::string_view name) {
    if (!given) return;
    sound = false;
    Report(PositionOf(declaration, {option}),
           absl::StrCat(TextOf(declaration), " goes through \"", declaration.has->through(),
                        "\", which has the keys already; remove ", name));
  };
  refuse(declaration.has->foreign_key_size() > 0, HasOptions::kForeignKeyFieldNumber,
         "foreign_key");
  refuse(declaration.has->own_key_size() > 0, HasOptions::kOwnKeyFieldNumber, "own_key");
  return sound;
}

Declaration* Builder::FindStep(Declaration& declaration, ModelState& state,
                               absl::string_view name) {
  const auto found = state.by_name.find(name);
  if (found != state.by_name.end()) return found->second;
  const std::string guess = DidYouMean(name, NamesOf(state));
  Report(PositionOf(declaration, {HasOptions::kThroughFieldNumber}),
         absl::StrCat(TextOf(declaration), ": there is no association \"", name, "\" to go through",
                      guess.empty() ? absl::StrCat("; ", HasAssociations(state)) : guess));
  return nullptr;
}

Declaration* Builder::FindSource(Declaration& declaration, ModelState& middle) {
  const HasOptions& options = *declaration.has;
  const std::string& name = declaration.association->name;
  std::vector<std::string> tried;
  if (options.has_source()) {
    tried = {options.source()};
  } else {
    tried = {name};
    if (Singularize(name) != name) tried.push_back(Singularize(name));
  }
  for (const std::string& each : tried) {
    const auto found = middle.by_name.find(each);
    if (found != middle.by_name.end()) return found->second;
  }
  const std::string guess = DidYouMean(tried.back(), NamesOf(middle));
  Report(PositionOf(declaration, {HasOptions::kSourceFieldNumber}),
         absl::StrCat(TextOf(declaration), " goes through ", middle.model->name,
                      ", which has no association ", Quoted({tried.front()}),
                      tried.size() > 1 ? absl::StrCat(" nor \"", tried.back(), "\"") : "",
                      guess.empty() ? absl::StrCat("; ", HasAssociations(middle)) : guess,
                      options.has_source() ? "" : "; write source: \"…\""));
  return nullptr;
}

void Builder::ReportCircle(Declaration& declaration) {
  size_t first = resolving_.size();
  while (resolving_[--first] != &declaration) {
  }
  std::string circle;
  for (size_t i = first; i < resolving_.size(); ++i) {
    const Association& step = *resolving_[i]->association;
    absl::StrAppend(&circle, step.owner->name, ".", step.name, " -> ");
  }
  const Association& start = *declaration.association;
  Report(
      PositionOf(declaration, {HasOptions::kThroughFieldNumber}),
      absl::StrCat(TextOf(declaration), " leads through itself: ", circle, start.owner->name, ".",
                   start.name, "; write a through and source that end at a direct association"));
}

void Builder::ResolveThrough(Declaration& declaration) {
  if (declaration.state == Declaration::State::kDone) return;
  if (declaration.state == Declaration::State::kResolving) {
    ReportCircle(declaration);
    return;
  }
  declaration.state = Declaration::State::kResolving;
  resolving_.push_back(&declaration);
  Association& association = *declaration.association;
  const HasOptions& options = *declaration.has;
  const bool sound = CheckThroughOptions(declaration);
  Declaration* through = FindStep(declaration, StateOf(association.owner), options.through());
  Declaration* source = nullptr;
  if (through != nullptr) {
    ResolveThrough(*through);
    if (through->association->target != nullptr) {
      source = FindSource(declaration, StateOf(through->association->target));
    }
  }
  if (source != nullptr) ResolveThrough(*source);
  resolving_.pop_back();
  declaration.state = Declaration::State::kDone;
  ModelState* wanted = nullptr;
  if (options.has_model()) {
    wanted = FindModel(declaration, options.model(), HasOptions::kModelFieldNumber);
    if (wanted == nullptr) return;
  }
  if (!sound || source == nullptr || source->association->target == nullptr) return;
  FinishThrough(declaration, *through->association, *source->association, wanted);
}

void Builder::FinishThrough(const Declaration& declaration, const Association& through,
                            const Association& source, const ModelState* wanted) {
  Association& association = *declaration.association;
  const HasOptions& options = *declaration.has;
  if (wanted != nullptr && wanted->model != source.target) {
    Report(PositionOf(declaration, {HasOptions::kModelFieldNumber}),
           absl::StrCat(TextOf(declaration), " leads through ", through.target->name, ".",
                        source.name, " to ", source.target->name, ", not to ", wanted->model->name,
                        "; write model: \"",
                        NameIn(*source.target->descriptor, *association.owner->descriptor),
                        "\", or another source"));
    return;
  }
  const bool several =
      through.kind == Association::Kind::kHasMany || source.kind == Association::Kind::kHasMany;
  if (association.kind == Association::Kind::kHasOne) {
    if (several && options.has_unique() && options.unique()) {
      Report(PositionOf(declaration, {HasOptions::kUniqueFieldNumber}),
             absl::StrCat(TextOf(declaration),
                          " leads through a has_many and cannot be unique; write "
                          "unique: false, to show the record with the lowest key, or has_many"));
      return;
    }
    association.lowest = several || !options.unique();
  }
  association.through = &through;
  association.source = &source;
  association.target = source.target;
  association.can_add = through.foreign_key != nullptr && source.foreign_key != nullptr &&
                        through.foreign_key != source.foreign_key &&
                        through.kind != Association::Kind::kBelongsTo &&
                        source.kind == Association::Kind::kBelongsTo;
}

}  // namespace kin::graph::internal
