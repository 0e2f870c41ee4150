#include "kin/store/internal/invariants.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "kin/store/internal/errors.h"

namespace kin::internal {
namespace {

absl::Status Broken(const Table& table, absl::string_view what) {
  return absl::InternalError(absl::StrCat(table.model().name, ": ", what));
}

int EntriesOf(const HashIndex& index, std::uint64_t hash, const Version* version) {
  int found = 0;
  index.ForEachEntry(hash, [&](const Version* entry) {
    found += static_cast<int>(entry == version);
    return false;
  });
  return found;
}

}  // namespace

absl::Status InvariantChecker::Run() {
  for (const std::unique_ptr<Table>& table : engine_.tables_) {
    if (absl::Status status = CheckTable(*table); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckTable(Table& table) {
  const LineTable& lines = *table.primary().lines();
  absl::Status status;
  std::int64_t live = 0;
  for (std::uint64_t i = 0; i < lines.buckets() && status.ok(); ++i) {
    LineTable::ForEach(lines.bucket(i), [&](Cell cell) {
      const Version* version = EntryIn(cell);
      if (!status.ok()) return;
      if (CommitOf(version->stamp) > engine_.published()) {
        status = Broken(table, "a version of no commit is in the primary index");
        return;
      }
      if (table.FindEntry(*table.MessageOf(version)) != version) {
        status = Broken(table, absl::StrCat(table.NameOf(*table.MessageOf(version)),
                                            " is not found by its key"));
        return;
      }
      if (version->deleted()) return;
      ++live;
      status = CheckRecord(table, version);
    });
  }
  if (!status.ok()) return status;
  const std::int64_t count = table.counts().At(LimitOf(engine_.published()));
  if (count != live) {
    return Broken(table, absl::StrCat("the count is ", count, ", the records are ", live));
  }
  for (int i = 0; i < table.indexes(); ++i) {
    status = CheckIndex(table, i, live);
    if (!status.ok()) return status;
    status = CheckOrdered(table, i);
    if (!status.ok()) return status;
  }
  return status;
}

absl::Status InvariantChecker::CheckOrdered(const Table& table, int i) {
  const OrderedIndex* ordered = table.ordered(i);
  if (ordered == nullptr) return absl::OkStatus();
  std::int64_t expected = 0;
  const LineTable& lines = *table.primary().lines();
  for (std::uint64_t b = 0; b < lines.buckets(); ++b) {
    LineTable::ForEach(lines.bucket(b), [&](Cell cell) {
      std::string bytes;
      const Version* version = EntryIn(cell);
      expected += static_cast<int>(!version->deleted() &&
                                   ordered->EncodeKey(*table.MessageOf(version), &bytes));
    });
  }
  std::int64_t found = 0;
  const std::string name = FieldNames(table.keys(i).fields());
  if (!ordered->Sound()) {
    return Broken(table, absl::StrCat("the leaves of the ordered index of ", name, " are broken"));
  }
  for (const OrderedIndex::Node* node = ordered->First(); node != nullptr; node = node->next()) {
    if (node->next() != nullptr && node->next()->bytes() <= node->bytes()) {
      return Broken(table, absl::StrCat("the ordered index of ", name, " is out of order"));
    }
    const Version* entry = node->entry();
    if (entry->deleted()) continue;
    ++found;
    if (table.FindEntry(*table.MessageOf(entry)) != entry ||
        ordered->Find(*table.MessageOf(entry)) != node) {
      return Broken(table, absl::StrCat(table.NameOf(*table.MessageOf(entry)),
                                        " is not at its place in the ordered index of ", name));
    }
  }
  if (found == expected) return absl::OkStatus();
  return Broken(
      table, absl::StrCat("the ordered index of ", name, " has ", found, " records of ", expected));
}

absl::Status InvariantChecker::CheckRecord(Table& table, const Version* version) {
  const google::protobuf::Message& record = *table.MessageOf(version);
  for (int i = 0; i < table.indexes(); ++i) {
    KeyParts key;
    if (!table.keys(i).Read(record, &key)) continue;
    const int found = EntriesOf(table.index(i), HashParts(key), version);
    if (found != 1) {
      return Broken(table,
                    absl::StrCat(table.NameOf(record), " is ", found, " times in the index of ",
                                 FieldNames(table.keys(i).fields())));
    }
  }
  for (const Engine::Link& link : engine_.parents_of(table)) {
    KeyParts key;
    if (!table.keys(link.key->child_index).Read(record, &key)) continue;
    int parents = 0;
    link.parent_index().ForEachEntry(HashParts(key), [&](const Version* entry) {
      KeyParts own;
      parents += static_cast<int>(
          !entry->deleted() &&
          link.parent->keys(link.key->parent_index).Read(*link.parent->MessageOf(entry), &own) &&
          own == key);
      return false;
    });
    if (parents != 1) return Broken(table, MissingParentText(link, record));
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckIndex(Table& table, int i, std::int64_t live) {
  const HashIndex& index = table.index(i);
  const LineTable& lines = *index.lines();
  absl::Status status;
  std::int64_t entries = 0;
  const auto check_entry = [&](const Version* entry) {
    if (entry->deleted()) return 0;
    ++entries;
    if (table.FindEntry(*table.MessageOf(entry)) != entry) {
      status = Broken(
          table, absl::StrCat("the index of ", FieldNames(table.keys(i).fields()),
                              " has an old version of ", table.NameOf(*table.MessageOf(entry))));
    }
    return 1;
  };
  for (std::uint64_t b = 0; b < lines.buckets(); ++b) {
    LineTable::ForEach(lines.bucket(b), [&](Cell cell) {
      if (!IsList(cell)) {
        check_entry(EntryIn(cell));
        return;
      }
      const PostingList& list = *ListIn(cell);
      const PostingArray& array = *list.array();
      std::int64_t count = 0;
      for (std::uint32_t k = 0; k < array.used.load(); ++k) {
        const Version* entry = array.entries()[k].load();
        if (entry != nullptr) count += check_entry(entry);
      }
      // The newest count, whatever commit it is of: one made by an aborted transaction stays.
      const std::int64_t counted = list.counts().newest_count();
      if (counted != count) {
        status = Broken(table,
                        absl::StrCat("a list of the index of ", FieldNames(table.keys(i).fields()),
                                     " counts ", counted, " records and has ", count));
      }
    });
  }
  if (status.ok() && entries > live) {
    status = Broken(table, absl::StrCat("the index of ", FieldNames(table.keys(i).fields()),
                                        " has ", entries, " records of ", live));
  }
  return status;
}

}  // namespace kin::internal
