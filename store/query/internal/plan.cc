#include "kin/store/query/internal/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/store/internal/engine.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/internal/planner.h"

namespace kin::query::internal {
namespace {

using ::kin::internal::HashIndex;
using ::kin::internal::KeyParts;

// The number of records that have a key in an index, -1 if that takes looking at them.
std::int64_t CountOfKey(const View& view, const Table& table, int position, const KeyParts& key) {
  const HashIndex& index = table.index(position);
  if (index.unique()) return -1;
  const std::uint64_t hash = HashParts(key);
  std::int64_t count = -1;
  const kin::internal::Cell cell = index.lines()->Find(hash, [&](kin::internal::Cell candidate) {
    return kin::internal::IsList(candidate) && kin::internal::ListIn(candidate)->hash() == hash;
  });
  if (cell == 0) return count;
  if (!MayHoldKey(table, position, *kin::internal::ListIn(cell), key)) return 0;
  if (!kin::internal::ListIn(cell)->mixed()) {
    count = kin::internal::ListIn(cell)->counts().At(view.Limit());
  }
  return count;
}

std::string IndexText(const graph::Index& index) {
  return absl::StrCat("(",
                      absl::StrJoin(index.fields, ", ",
                                    [](std::string* text, const auto* field) {
                                      absl::StrAppend(text, field->name());
                                    }),
                      ")");
}

std::string LookupText(const graph::Index& index, int position, std::size_t keys) {
  const absl::string_view kind = position == 0       ? "key"
                                 : index.unique      ? "unique index"
                                 : index.foreign_key ? "foreign key index"
                                                     : "hash index";
  return absl::StrCat(kind, " ", IndexText(index),
                      keys == 1 ? "" : absl::StrCat(", ", keys, " keys"));
}

}  // namespace

Plan::Plan(PlanRequest request) : request_(std::move(request)) { Planner(this).Run(); }

std::optional<std::int64_t> Plan::KnownCount() const {
  if (!exact_ || !path_.intersected.empty()) return std::nullopt;
  const View& view = *request_.view;
  switch (path_.kind) {
    case Path::Kind::kNothing:
      return 0;
    case Path::Kind::kScan:
      return std::max<std::int64_t>(request_.table->counts().At(view.Limit()), 0);
    case Path::Kind::kLookup: {
      std::int64_t sum = 0;
      for (const KeyParts& key : path_.keys) {
        const std::int64_t count = CountOfKey(view, *request_.table, path_.index, key);
        if (count < 0) return std::nullopt;
        sum += count;
      }
      return sum;
    }
    case Path::Kind::kRange:
      if (!path_.begin.empty() || !path_.end.empty() || path_.index != 0) return std::nullopt;
      return std::max<std::int64_t>(request_.table->counts().At(view.Limit()), 0);
    default:
      return std::nullopt;
  }
}

std::string Plan::Describe(const Path& path) const {
  const auto& indexes = request_.table->model().indexes;
  switch (path.kind) {
    case Path::Kind::kNothing:
      return "nothing: the condition is never true";
    case Path::Kind::kScan:
      return "scan of all records";
    case Path::Kind::kLookup:
      return LookupText(indexes[path.index], path.index, path.keys.size());
    case Path::Kind::kRange: {
      const bool whole = path.begin.empty() && path.end.empty();
      return absl::StrCat("ordered index ", IndexText(indexes[path.index]),
                          whole ? ", all of it" : ", a range of it",
                          path.backward ? ", backwards" : "");
    }
    case Path::Kind::kJoin:
      return absl::StrCat(path.association->name, " of ", path.association->target->name, " by [",
                          path.targets->Describe(path.targets->path()), "]");
    case Path::Kind::kUnion:
      return absl::StrCat(
          "union of ", absl::StrJoin(path.parts, " and ", [&](std::string* text, const Path& part) {
            absl::StrAppend(text, "[", Describe(part), "]");
          }));
  }
  return "";
}

}  // namespace kin::query::internal
