#include "kin/persistence/sqlite/reader.h"

#include <cstdint>
#include <deque>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/message.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

// The key of a row, as it is there, right or wrong.
std::string DescribeRowKey(const Table& table, const Statement& row) {
  return absl::StrJoin(table.key, ", ", [&](std::string* out, int column) {
    absl::StrAppend(out, table.columns[column].name, "=");
    switch (row.type(column)) {
      case SQLITE_NULL:
        absl::StrAppend(out, "NULL");
        break;
      case SQLITE_INTEGER:
        if (table.columns[column].encoding == Encoding::kUint64) {
          absl::StrAppend(out, static_cast<std::uint64_t>(row.Int(column)));
        } else {
          absl::StrAppend(out, row.Int(column));
        }
        break;
      case SQLITE_FLOAT:
        absl::StrAppend(out, row.Real(column));
        break;
      default:
        absl::StrAppend(out, "\"", absl::CHexEscape(row.Bytes(column).substr(0, 100)), "\"");
    }
  });
}

absl::Status BadRow(const Table& table, const Statement& row, absl::string_view column,
                    absl::string_view problem) {
  return absl::DataLossError(absl::StrCat("table ", table.name, ", key ",
                                          DescribeRowKey(table, row), ", column ", column, ": ",
                                          problem));
}

// The column of the field that a refusal of text is about: it says "….field.inner: the text is not
// UTF-8". Null: the refusal is about something else.
const Column* ColumnOfText(const Table& table, absl::string_view refusal) {
  const auto end = refusal.find(": the text is not UTF-8");
  if (end == absl::string_view::npos) return nullptr;
  const absl::string_view before = refusal.substr(0, end);
  auto start = before.size();
  while (start > 0 && (absl::ascii_isalnum(before[start - 1]) || before[start - 1] == '_' ||
                       before[start - 1] == '.')) {
    --start;
  }
  for (const absl::string_view name : absl::StrSplit(before.substr(start), '.')) {
    for (const Column& column : table.columns) {
      if (column.field != nullptr && column.field->name() == name) return &column;
    }
  }
  return &table.columns.back();  // An extension.
}

// Puts the store's refusal of the record that `row` holds in terms of the table.
absl::Status Refused(const Table& table, const Statement& row, const absl::Status& refusal) {
  if (absl::IsAlreadyExists(refusal)) {
    std::vector<std::string> names;
    for (int column : table.key) names.push_back(table.columns[column].name);
    return BadRow(table, row, absl::StrJoin(names, ", "),
                  absl::StrCat("another row has the same key: ", refusal.message()));
  }
  if (const Column* column = ColumnOfText(table, refusal.message())) {
    const bool text = column->encoding == Encoding::kText;
    return BadRow(table, row, column->name, text ? "is not valid UTF-8" : refusal.message());
  }
  return BadRow(table, row, "*", refusal.message());
}

absl::Status FillRecord(const Table& table, const Statement& row, Message* record, bool* stale) {
  int column = 0;
  absl::Status status = ReadRow(table, row, record, &column, stale);
  return status.ok() ? status : BadRow(table, row, table.columns[column].name, status.message());
}

// Records on their way from one thread to another.
struct Load {
  std::vector<Message*> records;
  std::size_t filled = 0;  // The first so many.
};

// Hands loads from one thread to another, in order. Thread-safe.
class Belt {
 public:
  void Put(Load load) {
    absl::MutexLock lock(&mutex_);
    loads_.push_back(std::move(load));
  }
  // Nothing: the belt was ended and is empty.
  std::optional<Load> Take() {
    absl::MutexLock lock(&mutex_);
    auto ready = [this]()
                     ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ended_ || !loads_.empty(); };
    mutex_.Await(absl::Condition(&ready));
    if (loads_.empty()) return std::nullopt;
    Load load = std::move(loads_.front());
    loads_.pop_front();
    return load;
  }
  void End() {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }

 private:
  absl::Mutex mutex_;
  std::deque<Load> loads_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Reads the rows of one table: one thread steps through them and fills records, the other, which is
// the caller's, makes the records and adds them to the store.
class TableReader {
 public:
  TableReader(const Table& table, Statement* rows, Loader* loader)
      : table_(table), rows_(*rows), loader_(*loader) {}

  // All on the caller's thread.
  absl::Status ReadAlone() {
    while (true) {
      Load load = NewLoad(1);
      const absl::StatusOr<bool> more = Fill(&load);
      const absl::Status added = Add(&load);
      Discard(load);
      if (!more.ok()) return more.status();
      if (!added.ok() || !*more) return added;
    }
  }

  // Whether the store refused row number added(), counted from 0.
  bool refused() const { return refused_; }
  std::int64_t added() const { return added_; }
  // Whether some row would be another if its record were written. When all is read.
  bool stale() const { return stale_; }

  absl::Status ReadByTwo() {
    absl::Status read;
    std::thread filler([this, &read] {
      while (std::optional<Load> load = empty_.Take()) {
        const absl::StatusOr<bool> more = Fill(&*load);
        full_.Put(*std::move(load));
        if (!more.ok()) read = more.status();
        if (!more.ok() || !*more) break;
      }
      full_.End();
    });
    for (int i = 0; i < kLoads; ++i) empty_.Put(NewLoad(kRecords));
    absl::Status added;
    while (std::optional<Load> load = full_.Take()) {
      if (added.ok()) added = Add(&*load);
      Discard(*load);
      if (added.ok()) {
        empty_.Put(NewLoad(kRecords));
      } else {
        empty_.End();
      }
    }
    filler.join();
    empty_.End();
    while (std::optional<Load> load = empty_.Take()) Discard(*load);
    return added.ok() ? read : added;
  }

 private:
  // Enough that neither thread often waits, and no more than a cache holds.
  static constexpr int kLoads = 4;
  static constexpr std::size_t kRecords = 256;

  Load NewLoad(std::size_t records) {
    Load load;
    for (std::size_t i = 0; i < records; ++i) load.records.push_back(loader_.New(table_.model));
    return load;
  }

  // What was not added.
  void Discard(const Load& load) {
    for (Message* record : load.records) {
      if (record != nullptr) loader_.Discard(table_.model, record);
    }
  }

  // False: there are no more rows.
  absl::StatusOr<bool> Fill(Load* load) {
    for (; load->filled < load->records.size(); ++load->filled) {
      absl::StatusOr<bool> row = rows_.Step();
      if (!row.ok() || !*row) return row;
      absl::Status status = FillRecord(table_, rows_, load->records[load->filled], &stale_);
      if (!status.ok()) return status;
    }
    return true;
  }

  // Those that are filled; the rest stays.
  absl::Status Add(Load* load) {
    for (std::size_t i = 0; i < load->filled; ++i) {
      absl::Status status = loader_.Add(table_.model, std::exchange(load->records[i], nullptr));
      if (!status.ok()) {
        refused_ = true;
        return status;
      }
      ++added_;
    }
    return absl::OkStatus();
  }

  const Table& table_;
  Statement& rows_;
  Loader& loader_;
  Belt empty_;
  Belt full_;
  bool stale_ = false;  // Of the thread that fills.
  bool refused_ = false;
  std::int64_t added_ = 0;
};

// The refusal of the row of that number, in terms of the table.
absl::Status DescribeRefusal(const Table& table, std::int64_t number, Statement* rows,
                             const absl::Status& refusal) {
  rows->Reset();
  for (std::int64_t i = 0; i <= number; ++i) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return refusal;
  }
  return Refused(table, *rows, refusal);
}

// From so many rows on a second thread is worth starting.
constexpr std::int64_t kRowsForTwo = 5000;

absl::Status ReadTable(Database& database, const Table& table, Loader& loader, bool* stale) {
  absl::StatusOr<std::int64_t> count =
      database.QueryInt(absl::StrCat("SELECT count(*) FROM ", Quoted(table.name)));
  if (!count.ok()) return count.status();
  loader.Reserve(table.model, *count);

  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  absl::StatusOr<Statement> rows =
      database.Prepare(absl::StrCat("SELECT ", ColumnList(table, all), " FROM ", Quoted(table.name),
                                    " ORDER BY ", ColumnList(table, table.key)));
  if (!rows.ok()) return rows.status();
  TableReader reader(table, &*rows, &loader);
  const bool two = *count >= kRowsForTwo && std::thread::hardware_concurrency() > 1;
  absl::Status status = two ? reader.ReadByTwo() : reader.ReadAlone();
  *stale = reader.stale();
  return reader.refused() ? DescribeRefusal(table, reader.added(), &*rows, status) : status;
}

}  // namespace

absl::Status ReadTables(Database& database, const Mapping& mapping, Loader& loader,
                        std::vector<int>* stale) {
  for (const Table& table : mapping.tables) {
    bool table_is_stale = false;
    absl::Status status = ReadTable(database, table, loader, &table_is_stale);
    if (!status.ok()) return status;
    if (table_is_stale) stale->push_back(table.model);
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
