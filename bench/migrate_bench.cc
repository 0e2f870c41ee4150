// What schemas cost: opening a database whose schema is the program's, and adding or renaming a
// column of a table of 1,000 and of 1,000,000 rows, beside the same ALTER TABLE by hand.
//
//   ./bazelw run --config=bench //bench:migrate_bench
//
// BM_OpenUnchanged   Store::Open, of so many posts; bare: SQLite reads the same rows
// BM_AddColumn       from the begin of the transaction to its commit: what is stored of the schema
// BM_RenameColumn    is read, compared, checked, changed and stored; bare: ALTER TABLE, with the
//                    same pragmas
// BM_OpenAdding      Store::Open that adds a column; beside it what an opening takes that does not
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "kin/bench/posts.h"
#include "kin/persistence/sqlite.h"
#include "kin/persistence/sqlite/migrate.h"
#include "kin/persistence/sqlite/tables.h"
#include "kin/persistence/sqlite/views.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/store.h"

namespace kin::bench {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

const ScratchDirectory& Directory() {
  static ScratchDirectory directory;
  return directory;
}

// A database of so many posts, which nobody changes.
const std::string& Original(std::int64_t rows) {
  static auto& made = *new std::map<std::int64_t, std::string>();
  std::string& path = made[rows];
  if (path.empty()) {
    path = Directory().File(absl::StrCat("posts", rows, ".db"));
    MakeDatabase(path, MakePosts(static_cast<std::size_t>(rows), Order::kAscending));
  }
  return path;
}

// The bench's models with one thing different in Post.
class ChangedSchema {
 public:
  enum class Change { kNothing, kFieldMore, kFieldRenamed };

  explicit ChangedSchema(Change change) {
    const FileDescriptor& file = *Post::descriptor()->file();
    for (int i = 0; i < file.dependency_count(); ++i) Copy(*file.dependency(i));
    FileDescriptorProto proto;
    file.CopyTo(&proto);
    for (auto& message : *proto.mutable_message_type()) {
      if (message.name() != "Post") continue;
      if (change == Change::kFieldMore) {
        auto* field = message.add_field();
        field->set_name("note");
        field->set_number(4);
        field->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
        field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
      } else if (change == Change::kFieldRenamed) {
        for (auto& field : *message.mutable_field()) {
          if (field.name() == "title") {
            field.set_name("heading");
            field.clear_json_name();
          }
        }
      }
    }
    const FileDescriptor* built = pool_.BuildFile(proto);
    Check(built != nullptr, "no such schema");
    schema_ = Schema::OfDescriptors(graph::ModelsOf(*built), &factory_);
    Check(schema_->status());
  }

  const Schema& schema() const { return *schema_; }

 private:
  void Copy(const FileDescriptor& file) {
    if (pool_.FindFileByName(file.name()) != nullptr) return;
    for (int i = 0; i < file.dependency_count(); ++i) Copy(*file.dependency(i));
    FileDescriptorProto proto;
    file.CopyTo(&proto);
    Check(pool_.BuildFile(proto) != nullptr, "no such file");
  }

  DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
  std::optional<Schema> schema_;
};

std::string FreshCopy(std::int64_t rows) {
  const std::string path = Directory().File("changing.db");
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix);
  std::filesystem::copy_file(Original(rows), path,
                             std::filesystem::copy_options::overwrite_existing);
  // Else the first commit would wait for the copy to reach the disk.
  const int file = open(path.c_str(), O_RDWR);
  Check(file >= 0 && fsync(file) == 0 && close(file) == 0, "the copy cannot be synced");
  return path;
}

void OpenUnchangedKin(benchmark::State& state, std::int64_t rows) {
  const std::string& path = Original(rows);
  for (auto _ : state) {
    std::unique_ptr<Store> store = OpenStore(path, Flushing::kAsUsual);
    state.PauseTiming();
    if (store->GetSnapshot().Count<Post>() != rows) state.SkipWithError("not all was loaded");
    store.reset();
    state.ResumeTiming();
  }
}

void OpenUnchangedBare(benchmark::State& state, std::int64_t rows) {
  const std::string& path = Original(rows);
  for (auto _ : state) benchmark::DoNotOptimize(SumOfDatabase(path));
}

// A connection with the pragmas that Kin migrates with.
persistence::sqlite::Database Connect(const std::string& path) {
  auto database =
      persistence::sqlite::Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "");
  Check(database.status());
  for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                             "PRAGMA foreign_keys = OFF", "SELECT count(*) FROM sqlite_schema"}) {
    Check(database->Exec(pragma));
  }
  return *std::move(database);
}

void ChangeByKin(persistence::sqlite::Database& database, const persistence::Mapping& mapping,
                 const persistence::sqlite::StoredSchema& schema) {
  using namespace persistence::sqlite;
  Check(database.Exec("BEGIN IMMEDIATE"));
  const auto stored = ReadStoredSchema(database);
  Check(stored.status());
  const auto catalogue = ReadCatalogue(database, *stored);
  Check(catalogue.status());
  const auto migration = persistence::sqlite::PlanMigration(database, *catalogue, mapping, {});
  Check(migration.status());
  Check(migration->plan.allowed() && migration->plan.steps.size() == 1, "another plan");
  Check(Migrate(database, *migration, *catalogue, *stored, schema));
  Check(CreateViews(database, mapping));
  Check(database.Exec("COMMIT"));
}

void ChangeKin(benchmark::State& state, ChangedSchema::Change change, std::int64_t rows) {
  const ChangedSchema changed(change);
  const auto mapping = persistence::Mapping::Of(changed.schema().graph());
  Check(mapping.status());
  const auto schema = persistence::sqlite::SchemaToStore(*mapping, changed.schema().graph());
  for (auto _ : state) {
    state.PauseTiming();
    {
      persistence::sqlite::Database database = Connect(FreshCopy(rows));
      state.ResumeTiming();
      ChangeByKin(database, *mapping, schema);
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
}

void ChangeBare(benchmark::State& state, const char* sql, std::int64_t rows) {
  for (auto _ : state) {
    state.PauseTiming();
    {
      persistence::sqlite::Database database = Connect(FreshCopy(rows));
      // Else a rename would read the views as well.
      Check(persistence::sqlite::DropViews(database));
      state.ResumeTiming();
      Check(database.Exec("BEGIN IMMEDIATE"));
      Check(database.Exec(sql));
      Check(database.Exec("COMMIT"));
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
}

void OpenChanged(benchmark::State& state, ChangedSchema::Change change, std::int64_t rows) {
  const ChangedSchema changed(change);
  for (auto _ : state) {
    state.PauseTiming();
    const std::string path = FreshCopy(rows);
    OpenOptions options;
    options.persistence = Sqlite(path);
    state.ResumeTiming();
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(changed.schema(), std::move(options));
    state.PauseTiming();
    Check(store.status());
    // Models are in the order of the file.
    if ((*store)->GetSnapshot().CountRecords(1) != rows) {
      state.SkipWithError("not all was loaded");
    }
    store->reset();
    state.ResumeTiming();
  }
}

template <typename Function, typename... Arguments>
void Add(const std::string& name, int iterations, Function function, Arguments... arguments) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) {
                                 function(state, arguments...);
                                 state.SetItemsProcessed(state.iterations());
                               })
      ->Unit(benchmark::kMillisecond)
      ->Iterations(iterations)
      ->UseRealTime();
}

void Register() {
  using Change = ChangedSchema::Change;
  constexpr const char* kAdd = "ALTER TABLE posts ADD COLUMN note TEXT NOT NULL DEFAULT ''";
  constexpr const char* kRename = "ALTER TABLE posts RENAME COLUMN title TO heading";
  for (const std::int64_t rows : {0, 1'000'000}) {
    const std::string size = absl::StrCat("/", rows);
    const int iterations = rows == 0 ? 50 : 1;
    Add("BM_OpenUnchanged" + size + "/kin", iterations, OpenUnchangedKin, rows);
    Add("BM_OpenUnchanged" + size + "/bare", iterations, OpenUnchangedBare, rows);
  }
  for (const std::int64_t rows : {1000, 1'000'000}) {
    const std::string size = absl::StrCat("/", rows);
    Add("BM_AddColumn" + size + "/kin", 5, ChangeKin, Change::kFieldMore, rows);
    Add("BM_AddColumn" + size + "/bare", 5, ChangeBare, kAdd, rows);
    Add("BM_RenameColumn" + size + "/kin", 5, ChangeKin, Change::kFieldRenamed, rows);
    Add("BM_RenameColumn" + size + "/bare", 5, ChangeBare, kRename, rows);
  }
  Add("BM_OpenAdding/1000000/kin", 1, OpenChanged, Change::kFieldMore, 1'000'000);
  Add("BM_OpenAdding/1000000/kin_adding_nothing", 1, OpenChanged, Change::kNothing, 1'000'000);
}

}  // namespace
}  // namespace kin::bench

int main(int argc, char** argv) {
  std::vector<std::string> defaults = {
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_repetitions=5",
      "--benchmark_display_aggregates_only=true",
  };
  std::vector<char*> arguments = {argv[0]};
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  kin::bench::Register();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
