// Hostile values of every type in every kind of column: an error that names table, key and column,
// or a record that is the same each time it is read; never a crash.
//
// KIN_VALUES: how many are tried, of all there are in random order; the stress run tries all.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/random_message.h"
#include "tests/persistence/kinds.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin {
namespace {

using persistence_test::Kinds;
using persistence_test::OldKind;
using persistence_test::OldKinds;
using persistence_test::Token;
using ::testing::HasSubstr;

std::string Blob(const std::string& bytes) {
  return absl::StrCat("x'", absl::BytesToHexString(bytes), "'");
}

// SQL expressions.
std::vector<std::string> HostileValues(std::mt19937_64* random) {
  std::vector<std::string> values = {
      "NULL",
      "0",
      "1",
      "2",
      "-1",
      "127",
      "2147483647",
      "2147483648",
      "-2147483649",
      "4294967295",
      "4294967296",
      "9223372036854775807",
      "-9223372036854775808",
      "0.0",
      "-0.0",
      "0.5",
      "1e300",
      "-1e300",
      "9e999",
      "-9e999",
      "3.4028236e38",
      "5e-324",
      "''",
      "'x'",
      "'1'",
      "'{}'",
      "'[]'",
      "'null'",
      "'[null]'",
      "'{\"a\":1}'",
      "'[1,\"x\",{}]'",
      "'{\"an_int32\":1}'",
      "'\"3s\"'",
      "'[\"3s\"]'",
      "'{},\"id\":9'",
      "'[[[[[[[['",
      "'1970-01-01T00:00:00.000000000Z'",
      "'1970-02-30T00:00:00.000000000Z'",
      "'9999-12-31T23:59:60.000000000Z'",
      "'0000-01-01T00:00:00.000000000Z'",
      "'-0.000000000'",
      "'1.500000000'",
      "'315576000000.999999999'",
      "'315576000001.000000000'",
      "'seconds:1 nanos:-1'",
      "'99999999999999999999.000000000'",
      "CAST(x'ff' AS TEXT)",
      "CAST(x'61006200' AS TEXT)",
      "CAST(x'c080' AS TEXT)",
      "CAST(x'eda080' AS TEXT)",
      "replace(hex(zeroblob(5000)), '0', '[')",
      "replace(hex(zeroblob(5000)), '0', '{\"kind\":')",
      "x''",
      "x'00'",
      "x'ff'",
      "zeroblob(4)",
      "zeroblob(8)",
      "zeroblob(100000)",
      "x'7fc00000'",
      "x'7f800000'",
      "x'7ff8000000000000'",
      "x'7ff0000000000000'",
      "x'ffffffffffffffff'",
      "x'08ffffffffffffffffff01'",
      "x'0a'",
      "x'0a05'",
      "x'0affffffff0f'",
      "x'0b'",
      "x'0c'",
      "x'07'",
      "x'00ff'",
      "x'cb810400'",
      "x'ca940903089905'",
      // Groups in groups.
      Blob(std::string(100000, '\x0b')),
      Blob(std::string(5000, '\x13')),
  };
  // Values of other fields, and pieces of them with some bits turned over.
  testing::RandomMessages messages(static_cast<std::uint32_t>((*random)()), {});
  for (int i = 0; i < 12; ++i) {
    Kinds kinds;
    OldKinds old_kinds;
    messages.Fill(&kinds, [](const auto&) { return false; });
    messages.Fill(&old_kinds, [](const auto&) { return false; });
    for (std::string bytes : {kinds.SerializeAsString(), old_kinds.SerializePartialAsString()}) {
      values.push_back(Blob(bytes));
      if (bytes.empty()) continue;
      for (int k = 0; k < 3; ++k) bytes[(*random)() % bytes.size()] ^= 1 << (*random)() % 8;
      values.push_back(Blob(bytes));
      values.push_back(Blob(bytes.substr(0, (*random)() % bytes.size())));
    }
  }
  return values;
}

class RowFuzzTest : public testing::SqliteTest {
 protected:
  static Schema KindsSchema() { return Schema::Of<Kinds, OldKinds, Token>(); }

  // Three rows a table, the second of which is to be attacked, in tables that take anything.
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_, KindsSchema());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    Write([](Transaction& txn) {
      testing::RandomMessages messages(1, {});
      for (int id = 1; id <= 3; ++id) {
        Kinds kinds;
        messages.Fill(&kinds, [](const auto&) { return false; });
        kinds.set_id(id);
        ASSERT_TRUE(txn.Insert(kinds).ok());
        OldKinds old_kinds;
        messages.Fill(&old_kinds, [](const auto&) { return false; });
        old_kinds.set_id(id);
        ASSERT_TRUE(txn.Insert(old_kinds).ok());
        Token token;
        token.set_id(std::to_string(id));
        ASSERT_TRUE(txn.Insert(token).ok());
      }
    });
    Close();
    for (const std::string table : {"kinds", "old_kinds", "tokens"}) {
      sql_[table] = testing::RawDatabase(path_).QueryOne(
          "SELECT sql FROM sqlite_schema WHERE name = '" + table + "'");
    }
    // A column of type BLOB changes nothing that it is given.
    for (const auto& [table, sql] : sql_) {
      SetSql(table, absl::StrReplaceAll(sql, {{" INTEGER PRIMARY KEY", " INTEGER PRIMARY KEY"},
                                              {" INTEGER", " BLOB"},
                                              {" TEXT", " BLOB"},
                                              {" ANY", " BLOB"},
                                              {" NOT NULL", ""},
                                              {"STRICT, ", ""},
                                              {"STRICT", ""}}));
    }
    original_ = testing::ReadFile(path_);
  }

  void SetSql(const std::string& table, const std::string& sql) {
    testing::RawDatabase(path_).Exec(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '" +
        absl::StrReplaceAll(sql, {{"'", "''"}}) + "' WHERE name = '" + table +
        "'; PRAGMA writable_schema = RESET");
  }

  // The records of a table, as a store reads them.
  std::string Read(const std::string& table, bool* opened, absl::Status* status) {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_, KindsSchema());
    *status = store.status();
    *opened = store.ok();
    if (!store.ok()) return "";
    std::string bytes;
    const int model = table == "kinds" ? 0 : table == "old_kinds" ? 1 : 2;
    (*store)->GetSnapshot().ForEachRecord(model, [&](const google::protobuf::Message& record) {
      bytes += record.ShortDebugString() + "\n";
    });
    const absl::Status closed = (*store)->Close();
    EXPECT_TRUE(closed.ok()) << closed;
    return bytes;
  }

  std::map<std::string, std::string> sql_;  // Of each table.
  std::string original_;
};

TEST_F(RowFuzzTest, AnErrorNamesTheCellOrTheRecordStaysTheSame) {
  const char* seed_text = std::getenv("KIN_SEED");
  const std::uint64_t seed =
      seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : std::random_device()();
  std::printf("KIN_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const char* limit = std::getenv("KIN_VALUES");
  const std::vector<std::string> values = HostileValues(&random);

  struct Attack {
    std::string table, column, value;
  };
  std::vector<Attack> attacks;
  for (const std::string table : {"kinds", "old_kinds", "tokens"}) {
    for (const std::string& column :
         testing::RawDatabase(path_).Query("SELECT name FROM pragma_table_info('" + table + "')")) {
      // SQLite itself keeps an INTEGER PRIMARY KEY to integers.
      if (column == "id" && table != "tokens") continue;
      for (const std::string& value : values) {
        // And other primary keys to what is not NULL.
        if (column != "id" || value != "NULL") attacks.push_back({table, column, value});
      }
    }
  }
  std::shuffle(attacks.begin(), attacks.end(), random);
  if (limit != nullptr) attacks.resize(std::min<std::size_t>(attacks.size(), std::atoi(limit)));

  int refused = 0;
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(
        absl::StrCat(attack.table, ".", attack.column, " = ", attack.value.substr(0, 500)));
    testing::WriteFile(path_, original_);
    const std::string column = "\"" + absl::StrReplaceAll(attack.column, {{"\"", "\"\""}});
    testing::RawDatabase(path_).Exec(
        absl::StrCat("UPDATE ", attack.table, " SET ", column, "\" = ", attack.value,
                     " WHERE id = ", attack.table == "tokens" ? "x'32'" : "2"));
    for (const auto& [table, sql] : sql_) SetSql(table, sql);
    bool opened;
    absl::Status status;
    const std::string first = Read(attack.table, &opened, &status);
    if (opened) {
      EXPECT_EQ(Read(attack.table, &opened, &status), first);
      EXPECT_TRUE(opened) << status;
    } else {
      ++refused;
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(absl::StrCat("table ", attack.table, ", key id=")));
      // Unknown fields may have numbers that are known: then it is those fields that are wrong.
      // And of two fields of a oneof it is the second.
      const bool any = attack.column == "_unknown" || absl::StartsWith(attack.column, "one");
      EXPECT_THAT(
          std::string(status.message()),
          HasSubstr(any ? std::string("column ") : absl::StrCat("column ", attack.column, ": ")));
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, static_cast<int>(attacks.size()) / 4);
}

}  // namespace
}  // namespace kin
