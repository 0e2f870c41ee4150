// Fuzzes the values of rows of models with every kind of field, under AddressSanitizer. What can be
// read has to come back when it is written again:
//
//   ./bazelw run --config=fuzz //tests/persistence/sqlite:row_fuzz -- -max_total_time=60
//
// row_fuzz_test is the short sibling, through a store.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/proto/graph/graph.h"
#include "kin/tests/testing/random_message.h"
#include "tests/persistence/kinds.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t Next() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  absl::string_view Take(std::size_t size) {
    size = std::min(size, size_);
    const absl::string_view taken(reinterpret_cast<const char*>(data_), size);
    data_ += size;
    size_ -= size;
    return taken;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

class Rows {
 public:
  Rows() {
    std::vector<graph::Diagnostic> diagnostics;
    graph_ = graph::Build(
        {persistence_test::Kinds::descriptor(), persistence_test::OldKinds::descriptor()},
        &diagnostics);
    mapping_ = *Mapping::Of(graph_);
    database_ = *Database::Open(":memory:", SQLITE_OPEN_READWRITE, "");
  }

  void Check(Bytes bytes) {
    const Table& table = mapping_.tables[bytes.Next() % mapping_.tables.size()];
    Statement row = Select(table);
    for (std::size_t i = 0; i < table.columns.size(); ++i) BindDefault(table.columns[i], i, &row);
    while (!bytes.empty()) {
      const std::size_t column = bytes.Next() % table.columns.size();
      BindAny(static_cast<int>(column) + 1, &bytes, &row);
    }
    std::unique_ptr<Message> record = New(table);
    bool stale = false;
    if (!Read(table, &row, record.get(), &stale).ok()) return;
    // What the store would refuse at the latest now.
    std::string problem;
    if (!OverlayComesBack(table, *record, &problem)) return;
    // A message set with fields that are no messages, which protobuf reads and does not write.
    std::unique_ptr<Message> copy = New(table);
    if (!ParseMessage(SerializeMessage(*record), copy.get()) ||
        !testing::FirstDifference(*record, *copy).empty()) {
      return;
    }
    Statement written = Select(table);
    Scratch scratch;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      BindColumn(table, table.columns[i], *record, static_cast<int>(i) + 1, &written, &scratch);
    }
    std::unique_ptr<Message> again = New(table);
    stale = false;
    const absl::Status status = Read(table, &written, again.get(), &stale);
    if (!status.ok()) Fail(absl::StrCat(status.ToString(), "\n", record->DebugString()));
    const std::string difference = testing::FirstDifference(*record, *again);
    if (!difference.empty()) Fail(absl::StrCat(difference, "\n", record->DebugString()));
    if (stale) Fail(absl::StrCat("stale:\n", record->DebugString()));
  }

 private:
  std::unique_ptr<Message> New(const Table& table) {
    const auto* descriptor = table.graph_model->descriptor;
    return std::unique_ptr<Message>(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  }

  Statement Select(const Table& table) {
    std::vector<std::string> parameters(table.columns.size(), "?");
    return *database_.Prepare(absl::StrCat("SELECT ", absl::StrJoin(parameters, ", ")));
  }

  static void BindDefault(const Column& column, std::size_t index, Statement* row) {
    const int parameter = static_cast<int>(index) + 1;
    if (column.nullable) return row->BindNull(parameter);
    switch (column.type) {
      case SqlType::kInteger:
        return row->BindInt(parameter, 0);
      case SqlType::kReal:
        return row->BindReal(parameter, 0);
      case SqlType::kText:
        return row->BindText(parameter, "");
      case SqlType::kBlob:
        return row->BindBlob(parameter, "");
    }
  }

  static void BindAny(int parameter, Bytes* bytes, Statement* row) {
    const int type = bytes->Next() % 5;
    const std::size_t size = bytes->Next();
    const absl::string_view value = bytes->Take(type < 2 ? 8 : type < 4 ? size : 0);
    std::uint64_t bits = 0;
    std::memcpy(&bits, value.data(), std::min<std::size_t>(value.size(), sizeof(bits)));
    double real;
    std::memcpy(&real, &bits, sizeof(real));
    switch (type) {
      case 0:
        return row->BindInt(parameter, static_cast<std::int64_t>(bits));
      case 1:
        return row->BindReal(parameter, real);
      case 2:
        return row->BindText(parameter, value);
      case 3:
        return row->BindBlob(parameter, value);
      default:
        return row->BindNull(parameter);
    }
  }

  static absl::Status Read(const Table& table, Statement* row, Message* record, bool* stale) {
    const absl::StatusOr<bool> step = row->Step();
    if (!step.ok() || !*step) Fail("no row");
    int bad_column = -1;
    return ReadRow(table, {}, *row, record, &bad_column, stale);
  }

  graph::Graph graph_;
  Mapping mapping_;
  Database database_;
};

}  // namespace
}  // namespace kin::persistence::sqlite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& rows = *new kin::persistence::sqlite::Rows;
  rows.Check({data, size});
  return 0;
}
