// Long, for it is a table.
#include "kin/tests/persistence/sqlite/evolution/changes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace kin::testing {
namespace {

// A model M@ in the table m@.
std::string M(const std::string& fields, const std::string& options = "") {
  return absl::StrCat("message M@ { option (kin.model) = {table: 'm@' ", options, "}; ", fields,
                      " }\n");
}
// And others beside it.
std::string Model(const std::string& name, const std::string& fields,
                  const std::string& options = "") {
  return absl::StrCat("message ", name, " { option (kin.model) = {", options, "}; ", fields,
                      " }\n");
}

std::vector<Row> Ms(const std::vector<std::string>& texts) {
  std::vector<Row> rows;
  for (const std::string& text : texts) rows.push_back({"M@", text});
  return rows;
}
std::vector<Row> operator+(std::vector<Row> rows, const std::vector<Row>& more) {
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

MigrateOptions Allow(const std::string& name) {
  MigrateOptions options;
  options.allow = {name};
  return options;
}
MigrateOptions Drop(const std::string& name) {
  MigrateOptions options;
  options.drop = {name};
  return options;
}
MigrateOptions Renamed(const std::string& from, const std::string& to) {
  MigrateOptions options;
  options.renamed = {{from, to}};
  return options;
}

// What one field may become, and what may not, with one value of each kind.
struct FieldChange {
  std::string before, after;  // Without " = 2".
  std::string old_value, new_value;
};

std::vector<Change> Of(const std::string& line, const std::vector<FieldChange>& fields,
                       const Stage::Then& then) {
  std::vector<Change> changes;
  for (const FieldChange& field : fields) {
    const Stage after = {M("int64 id = 1; " + field.after + " = 2;"),
                         Ms({"id: 1 " + field.new_value, "id: 2"}), then};
    changes.push_back(
        {line,
         absl::StrCat(field.before, " to ", field.after),
         {{M("int64 id = 1; " + field.before + " = 2;"), Ms({"id: 1 " + field.old_value, "id: 2"})},
          after}});
  }
  return changes;
}

void Append(const std::vector<Change>& more, std::vector<Change>* changes) {
  changes->insert(changes->end(), more.begin(), more.end());
}

const char kUser[] = "message U@ { option (kin.model) = {}; int64 id = 1; string n = 2; }\n";

void AddSilent(std::vector<Change>* all) {
  const std::string line =
      "comments, order of fields, names of files, enum values, fields added to messages that are "
      "values";
  auto silent = [&](const std::string& what, const std::string& before,
                    const std::vector<Row>& rows, const std::string& after,
                    const std::vector<Row>& becomes) {
    all->push_back({line, what, {{before, rows}, {after, becomes, {.same_tables = true}}}});
  };
  silent("order and comments", M("int64 id = 1; string a = 2; int32 b = 3;"),
         Ms({"id: 1 a: 'x' b: 7"}), M("int32 b = 3; /* as ever */ int64 id = 1; string a = 2;"),
         Ms({"id: 1 a: 'x' b: 7"}));
  silent("a value of an enum is added",
         M("int64 id = 1; E e = 2; repeated E f = 3; enum E { Z = 0; A = 1; }"),
         Ms({"id: 1 e: A f: A"}),
         M("int64 id = 1; E e = 2; repeated E f = 3; enum E { Z = 0; A = 1; B = 2; }"),
         Ms({"id: 1 e: A f: A"}));
  silent("a value of an enum is renamed", M("int64 id = 1; E e = 2; enum E { Z = 0; A = 1; }"),
         Ms({"id: 1 e: A"}), M("int64 id = 1; E e = 2; enum E { Z = 0; B = 1; }"),
         Ms({"id: 1 e: B"}));
  silent("a value of an enum is removed", M("int64 id = 1; E e = 2; enum E { Z = 0; A = 1; }"),
         Ms({"id: 1 e: A"}), M("int64 id = 1; E e = 2; enum E { Z = 0; }"), Ms({"id: 1 e: 1"}));
}

void AddAdded(std::vector<Change>* all) {
  const std::string before = M("int64 id = 1; string a = 2;");
  const std::vector<Row> rows = Ms({"id: 1 a: 'x'", "id: 2"});
  for (const std::string field :
       {"int32 b = 3;", "optional int64 b = 3;", "string b = 3;", "bytes b = 3;", "double b = 3;",
        "repeated string b = 3;", "map<int32, string> b = 3;", "google.protobuf.Timestamp b = 3;",
        "google.protobuf.StringValue b = 3;", "P@ b = 3; message P@ { int32 x = 1; }",
        "E@ b = 3; enum E@ { Z = 0; }", "P@ b = 3 [(kin.field).json = true]; message P@ {}",
        "oneof o { int32 b = 3; string c = 4; }"}) {
    all->push_back({"a field is added",
                    field,
                    {{before, rows}, {M("int64 id = 1; string a = 2; " + field), rows}}});
  }
  all->push_back({"a model is added",
                  "with a foreign key",
                  {{before, rows},
                   {before + Model("N@",
                                   "int64 id = 1; int64 m_id = 2 [(kin.field).belongs_to = "
                                   "{model: 'M@'}];"),
                    rows}}});
}

void AddNames(std::vector<Change>* all) {
  const std::string line = "a field is renamed, or `column` set";
  const std::string before = M("int64 id = 1; string a = 2; string b = 3;");
  const std::vector<Row> rows = Ms({"id: 1 a: 'x' b: 'y'"});
  all->push_back({line,
                  "renamed",
                  {{before, rows},
                   {M("int64 id = 1; string c = 2; string b = 3;"), Ms({"id: 1 c: 'x' b: 'y'"})}}});
  all->push_back({line,
                  "two exchange their names",
                  {{before, rows},
                   {M("int64 id = 1; string b = 2; string a = 3;"), Ms({"id: 1 b: 'x' a: 'y'"})}}});
  all->push_back({line,
                  "only the case",
                  {{before, rows},
                   {M("int64 id = 1; string A = 2; string b = 3;"), Ms({"id: 1 A: 'x' b: 'y'"})}}});
  all->push_back(
      {line,
       "column, and another takes the name",
       {{before, rows},
        {M("int64 id = 1; string a = 2 [(kin.field).column = 'b']; string b = 3 "
           "[(kin.field).column = 'Some \"text\"'];"),
         rows,
         {.sees = {{"SELECT b, \"Some \"\"text\"\"\" FROM m@", "x|y"}}}},
        {before, rows, {.options = Allow("t.M@.a"), .sees = {{"SELECT a, b FROM m@", "x|y"}}}}}});
  all->push_back({line,
                  "the key, and what refers to it",
                  {{M("int64 id = 1; int64 up_id = 2 [(kin.field).belongs_to = {name: 'up' model: "
                      "'M@'}];"),
                    Ms({"id: 1 up_id: 1"})},
                   {M("int64 key = 1; int64 above = 2 [(kin.field).belongs_to = {name: 'up' "
                      "model: 'M@'}];",
                      "primary_key: 'key'"),
                    Ms({"key: 1 above: 1"})}}});

  const std::string tables = "`table` is set, or a model's table gets another name";
  const std::string a = "int64 id = 1; string x@ = 2;", b = "int64 id = 1; int32 y@ = 2;";
  const std::vector<Row> two = {{"A@", "id: 1 x@: 'a'"}, {"B@", "id: 1 y@: 2"}};
  all->push_back({tables,
                  "set, exchanged, and taken away",
                  {{Model("A@", a) + Model("B@", b), two},
                   {Model("A@", a, "table: 'one@'") + Model("B@", b, "table: 'two@'"), two},
                   {Model("A@", a, "table: 'two@'") + Model("B@", b, "table: 'one@'"),
                    two,
                    {.sees = {{"SELECT x@ FROM two@", "a"}, {"SELECT y@ FROM one@", "2"}}}},
                   {Model("A@", a) + Model("B@", b), two, {.options = Allow("t.A@")}}}});

  const std::string models = "a message is renamed, or moved to another package";
  const std::string fields = "int64 id = 1; string text@ = 2;";
  all->push_back({models,
                  "renamed",
                  {{Model("A@", fields), {{"A@", "id: 1 text@: 'x'"}}},
                   {Model("B@", fields + "int32 more = 3;"), {{"B@", "id: 1 text@: 'x'"}}}}});
  all->push_back({models,
                  "renamed, with its table and its fields",
                  {{Model("A@", fields), {{"A@", "id: 1 text@: 'x'"}}},
                   {Model("B@", "int64 id = 1; string title = 2;", "table: 'bees@'"),
                    {{"B@", "id: 1 title: 'x'"}},
                    {.refused = "t.A@: gone", .options = Renamed("t.A@", "t.B@")}}}});
  all->push_back(
      {models,
       "renamed, which of two may have to be said",
       {{Model("A@", fields), {{"A@", "id: 1 text@: 'x'"}}},
        {Model("B@", fields) + Model("C@", fields),
         {{"C@", "id: 1 text@: 'x'"}},
         {.refused = "it may be what is now t.B@ or t.C@", .options = Renamed("t.A@", "t.C@")}}}});
  all->push_back(
      {models,
       "moved, and back",
       {{Model("A@", fields), {{"A@", "id: 1 text@: 'x'"}}},
        {"message Out@ { " + Model("A@", fields) + "}", {{"Out@.A@", "id: 1 text@: 'x'"}}},
        {Model("A@", fields), {{"A@", "id: 1 text@: 'x'"}}, {.options = Allow("t.A@")}}}});
  all->push_back({models,
                  "two exchange their names",
                  {{Model("A@", a) + Model("B@", b), two},
                   {Model("B@", a) + Model("A@", b),
                    {{"B@", "id: 1 x@: 'a'"}, {"A@", "id: 1 y@: 2"}},
                    {.refused = "t.A@.y@ (field 2): string becomes int32", .done = false}}}});
}

void AddTypes(std::vector<Change>* all) {
  Append(Of("`int32` to `int64`; `uint32` to `uint64` or `int64`; `bool` or an enum to an integer; "
            "also of keys",
            {
                {"int32 a", "int64 a", "a: -2147483648", "a: -2147483648"},
                {"sint32 a", "sfixed64 a", "a: -2147483648", "a: -2147483648"},
                {"uint32 a", "uint64 a", "a: 4294967295", "a: 4294967295"},
                {"uint32 a", "int64 a", "a: 4294967295", "a: 4294967295"},
                {"fixed32 a", "sint64 a", "a: 4294967295", "a: 4294967295"},
            },
            {}),
         all);
  Stage::Then number;  // Which a bool or an enum does not take back.
  number.older = "t.M@.a: its type is another";
  Append(Of(all->back().line,
            {{"bool a", "int32 a", "a: true", "a: 1"},
             {"bool a", "uint64 a", "a: true", "a: 1"},
             {"E@ a = 9; enum E@ { Z = 0; Y = -5; } int32 b", "int32 a = 9; int64 b", "a: Y b: 7",
              "a: -5 b: 7"}},
            number),
         all);
  all->push_back(
      {all->back().line,
       "of a key, and what refers to it",
       {{M("int32 id = 1; optional int32 up_id = 2 [(kin.field).belongs_to = {name: 'up' model: "
           "'M@'}];"),
         Ms({"id: 7", "id: 8 up_id: 7"})},
        {M("int64 id = 1; optional int64 up_id = 2 [(kin.field).belongs_to = {name: 'up' model: "
           "'M@'}];"),
         Ms({"id: 7", "id: 8 up_id: 7"})}}});
  // Integers that are written otherwise on the wire are the same in a column.
  Append(Of("`int32` to `sint32` or `sfixed32`, and the like of other widths",
            {{"int32 a", "sint32 a", "a: -7", "a: -7"},
             {"int64 a", "sfixed64 a", "a: -7", "a: -7"},
             {"fixed64 a", "uint64 a", "a: 18446744073709551615", "a: 18446744073709551615"}},
            {.same_tables = true}),
         all);
  all->push_back(
      {"`float` to `double`",
       "with NaNs",
       {{M("int64 id = 1; float a = 2; optional float b = 3;"),
         Ms({"id: 1 a: nan b: -1.5", "id: 2 a: -inf", "id: 3 a: 3.4028234e38 b: -0.0"})},
        {M("int64 id = 1; double a = 2; optional double b = 3;"),
         Ms({"id: 1 a: nan b: -1.5", "id: 2 a: -inf", "id: 3 a: 3.4028234663852886e+38 b: -0.0"}),
         {.sql = "UPDATE m@ SET a = x'ff80beef' WHERE id = 1",
          .older = "t.M@.a: its type is another",
          .sees = {{"SELECT hex(a) FROM m@ WHERE id = 1", "FFF017DDE0000000"}}}}}});
  Stage::Then narrow;
  narrow.refused = "double becomes float";
  narrow.options = Allow("t.M@.a");
  narrow.older = "t.M@.a: its type is another";
  Append(Of("`double` to `float`",
            {{"double a", "float a", "a: 1.5", "a: 1.5"},
             {"double a", "float a", "a: -inf", "a: -inf"},
             {"double a", "float a", "a: -0.0", "a: -0.0"},
             {"double a", "float a", "a: nan", "a: nan"},
             {"optional double a", "optional float a", "a: 1e-45", "a: 1e-45"}},
            narrow),
         all);
  all->back().stages[0].rows = Ms({"id: 1 a: 1.401298464324817e-45", "id: 2"});
  for (const std::string value : {"0.1", "1e300", "1e-300", "16777217"}) {
    all->push_back({"`double` to `float`",
                    value,
                    {{M("int64 id = 1; double a = 2;"), Ms({"id: 1 a: " + value})},
                     {M("int64 id = 1; float a = 2;"),
                      {},
                      {.refused = "values would be rounded that no float has",
                       .options = Allow("t.M@.a"),
                       .done = false}}}});
  }
  all->push_back(
      {"`double` to `float`",
       "a NaN with a payload that no float has",
       {{M("int64 id = 1; double a = 2;"), Ms({"id: 1 a: nan", "id: 2 a: nan", "id: 3 a: nan"})},
        {M("int64 id = 1; float a = 2;"),
         Ms({"id: 1 a: nan", "id: 2 a: nan", "id: 3 a: nan"}),
         {.refused = "double becomes float",
          .sql = "UPDATE m@ SET a = x'fff017dde0000000' WHERE id = 1; "
                 "UPDATE m@ SET a = 3 WHERE id = 2; UPDATE m@ SET a = x'7ff8000000000001' WHERE id "
                 "= 3",
          .options = Allow("t.M@.a"),
          .done = false}}}});
  all->push_back({"`double` to `float`",
                  "the bits of NaNs",
                  {{M("int64 id = 1; double a = 2;"), Ms({"id: 1 a: nan", "id: 2"})},
                   {M("int64 id = 1; float a = 2;"),
                    Ms({"id: 1 a: nan", "id: 2 a: 3"}),
                    {.refused = "double becomes float",
                     .sql = "UPDATE m@ SET a = x'fff017dde0000000' WHERE id = 1; "
                            "UPDATE m@ SET a = 3 WHERE id = 2",
                     .options = Allow("t.M@.a"),
                     .older = "t.M@.a: its type is another",
                     .sees = {{"SELECT hex(a) FROM m@ WHERE id = 1", "FF80BEEF"}}}}}});
  Stage::Then bytes;
  bytes.older = "its type is another (bytes)";
  Append(Of("`string` to `bytes`",
            {{"string a", "bytes a", "a: 'a\\000b'", "a: 'a\\000b'"},
             {"optional string a", "optional bytes a", "a: ''", "a: ''"}},
            bytes),
         all);
  all->push_back({"`string` to `bytes`",
                  "of a key, and what refers to it",
                  {{M("string id = 1; optional string up_id = 2 [(kin.field).belongs_to = {name: "
                      "'up' model: 'M@'}];"),
                    Ms({"id: 'a'", "id: 'b' up_id: 'a'"})},
                   {M("bytes id = 1; optional bytes up_id = 2 [(kin.field).belongs_to = {name: "
                      "'up' model: 'M@'}];"),
                    Ms({"id: 'a'", "id: 'b' up_id: 'a'"}),
                    {.older = "its type is another"}}}});
  Stage::Then fits;
  fits.refused = "every value fits";
  fits.options = Allow("t.M@.a");
  fits.older = "its type is another";
  Append(Of("an integer becomes narrower",
            {{"int64 a", "int32 a", "a: -2147483648", "a: -2147483648"},
             {"uint64 a", "uint32 a", "a: 4294967295", "a: 4294967295"},
             {"int32 a", "uint32 a", "a: 7", "a: 7"},
             {"uint64 a", "int64 a", "a: 7", "a: 7"},
             {"int64 a", "uint64 a", "a: 7", "a: 7"},
             {"optional int64 a", "optional int32 a", "a: 7", "a: 7"}},
            fits),
         all);
  // Of these each holds what the other does not, so that the former program is narrower as well.
  for (Change& change : *all) {
    if (change.what == "int32 a to uint32 a" || change.what == "uint64 a to int64 a" ||
        change.what == "int64 a to uint64 a") {
      change.stages[1].then.older = "";
    }
  }
  for (const auto& [from, to, value] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"int64", "int32", "2147483648"},
           {"uint64", "int64", "9223372036854775808"},
           {"int32", "uint32", "-1"},
           {"int64", "uint64", "-1"}}) {
    all->push_back({"an integer becomes narrower",
                    from + " to " + to + ", with " + value,
                    {{M("int64 id = 1; " + from + " a = 2;"), Ms({"id: 1 a: " + value})},
                     {M("int64 id = 1; " + to + " a = 2;"),
                      {},
                      {.refused = "values would be lost that are not from",
                       .options = Allow("t.M@.a"),
                       .done = false}}}});
  }
}

void AddOtherTypes(std::vector<Change>* all) {
  const std::string line =
      "another type, a number used again, `repeated` or not, a message to `bytes` or back";
  Stage::Then lost;
  lost.refused = "MigrateOptions::drop, which deletes the values";
  lost.options = Drop("t.M@.a");
  lost.older = "its type is another";
  std::vector<FieldChange> changes = {
      {"string a", "int32 a", "a: '5'", ""},
      {"int32 a", "string a", "a: 5", ""},
      {"int32 a", "bool a", "a: 1", ""},
      {"int32 a", "double a", "a: 1", ""},
      {"double a", "int64 a", "a: 1", ""},
      {"bytes a", "string a", "a: 'text'", ""},
      {"int32 a", "repeated int32 a", "a: 1", ""},
      {"repeated int32 a", "int32 a", "a: 1", ""},
      {"repeated int32 a", "repeated string a", "a: 1", ""},
      {"map<int32, int32> a", "map<int32, string> a", "a { key: 1 value: 1 }", ""},
      {"map<int32, int32> a", "map<string, int32> a", "a { key: 1 value: 1 }", ""},
      {"message P@ { string key = 1; int32 value = 2; string note = 3; } repeated P@ a",
       "map<string, int32> a", "a { key: 'a' value: 1 note: 'n' } a { key: 'a' value: 2 }", ""},
      {"google.protobuf.Timestamp a", "string a", "a { seconds: 1 }", ""},
      {"google.protobuf.Timestamp a", "google.protobuf.Duration a", "a { seconds: 1 }", ""},
      {"google.protobuf.Timestamp a", "int64 a", "a { seconds: 1 }", ""},
      {"google.protobuf.Int64Value a", "google.protobuf.StringValue a", "a { value: 1 }", ""},
      {"message P@ { int32 x = 1; } P@ a", "message P@ { int32 x = 1; } bytes a", "a { x: 1 }", ""},
      {"message P@ { int32 x = 1; } bytes a", "message P@ { int32 x = 1; } P@ a", "a: '\\010\\001'",
       ""},
      {"message P@ { int32 x = 1; } P@ a", "message P@ { int32 x = 1; } repeated P@ a",
       "a { x: 1 }", ""},
      {"message P@ { int32 x = 1; } repeated P@ a", "message P@ { int32 x = 1; } P@ a",
       "a { x: 1 }", ""},
      {"message P@ { int32 x = 1; } P@ a", "message P@ { int32 x = 1; } int32 a", "a { x: 1 }", ""},
  };
  Append(Of(line, changes, lost), all);
  all->push_back({line,
                  "a number used again",
                  {{M("int64 id = 1; string a = 2;"), Ms({"id: 1 a: 'x'"})},
                   {M("int64 id = 1; int32 b = 2;"),
                    Ms({"id: 1"}),
                    {.refused = "the number was that of a; give the new field a number",
                     .options = Drop("t.M@.a"),
                     .older = "t.M@.a: its type is another"}}}});
  all->push_back({line,
                  "where no row has a value",
                  {{M("int64 id = 1; optional string a = 2; repeated int32 b = 3;"), Ms({"id: 1"})},
                   {M("int64 id = 1; optional int32 a = 2; optional int32 b = 3;"),
                    Ms({"id: 1"}),
                    {.older = "its type is another"}}}});
  const std::string value =
      "in a message that is a value: a field of another type, unless both "
      "read the same bytes alike";
  auto point = [](const std::string& fields) {
    return M("int64 id = 1; P@ a = 2; repeated P@ b = 3; map<int32, P@> c = 4;") +
           absl::StrCat("message P@ { ", fields, " }\n");
  };
  const std::vector<Row> rows =
      Ms({"id: 1 a { x: 1 s: 's' } b { x: 2 } c { key: 1 value { x: 3 } }"});
  for (const auto& [fields, why] : std::vector<std::pair<std::string, std::string>>{
           {"string x = 1; string s = 2;", "t.P@.x was int32 and is string"},
           {"sint32 x = 1; string s = 2;", "t.P@.x was int32 and is sint32"},
           {"int32 x = 1; int32 s = 2;", "t.P@.s was string and is int32"},
           {"oneof o { int32 x = 1; string s = 2; }",
            "t.P@.x and t.P@.s exclude each other now"}}) {
    all->push_back({value,
                    why,
                    {{point("int32 x = 1; string s = 2;"), rows},
                     {point(fields), {}, {.refused = why, .done = false}}}});
  }
  for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
           {"repeated E@ l = 3; message E@ { int32 key = 1; string value = 2; }",
            "map<int32, string> l = 3;"}}) {
    all->push_back({value,
                    "a list that becomes a map",
                    {{point("int32 x = 1; string s = 2; " + before), rows},
                     {point("int32 x = 1; string s = 2; " + after),
                      {},
                      {.refused = "l is a list, and becomes a map", .done = false}}}});
  }
  all->push_back({value,
                  "a list that no longer is one",
                  {{point("repeated int32 x = 1; string s = 2;"), rows},
                   {point("int32 x = 1; string s = 2;"),
                    {},
                    {.refused = "t.P@.x is repeated, and no longer is", .done = false}}}});
  all->push_back({value,
                  "alike: wider, renamed, more, fewer",
                  {{point("int32 x = 1; string s = 2;"), rows},
                   {point("int64 y = 1; bytes s = 2; repeated int32 more = 3;"),
                    Ms({"id: 1 a { y: 1 s: 's' } b { y: 2 } c { key: 1 value { y: 3 } }"}),
                    {.same_tables = true, .older = "its type is another"}},
                   {point("repeated int64 y = 1; bytes s = 2; repeated int32 more = 3;"),
                    Ms({"id: 1 a { y: 1 s: 's' } b { y: 2 } c { key: 1 value { y: 3 } }"}),
                    {.same_tables = true, .older = "its type is another"}}}});
}

// What the bytes do not tell.
void AddPurposes(std::vector<Change>* all) {
  auto add = [&](const std::string& line, const std::string& what, const Stage& before,
                 const Stage& after) {
    all->push_back({line, what, {before, after}});
  };
  auto needs = [](const std::string& refused, const std::string& name) {
    Stage::Then then;
    then.refused = refused;
    then.options = Allow(name);
    return then;
  };
  auto point = [](const std::string& fields) {
    return M("int64 id = 1; P@ a = 2; repeated P@ b = 3; map<int32, P@> c = 4;") +
           absl::StrCat("message P@ { ", fields, " }\n");
  };
  const std::vector<Row> rows = Ms({"id: 1 a { x: 1 } b { x: 2 } c { key: 1 value { x: 3 } }"});
  add("in a message that is a value: a field is removed, its number `reserved`", "reserved",
      {point("int32 x = 1; string s = 2;"), rows},
      {point("int32 x = 1; reserved 2;"), rows, {.same_tables = true}});
  const std::string gone =
      "in a message that is a value: a field is removed, its number not `reserved`; one gets a "
      "number that was";
  add(gone, "removed", {point("int32 x = 1; string s = 2;"), rows},
      {point("int32 x = 1;"), rows, needs("`reserved 2;` into t.P@", "t.P@.s")});
  add(gone, "comes back", {point("int32 x = 1; reserved 2;"), rows},
      {point("int32 x = 1; string s = 2;"), rows,
       needs("t.P@.s (field 2): new, under a number that was reserved", "t.P@.s")});
  add("in a message that is a value: an `optional` becomes plain", "a number",
      {point("optional int32 x = 1;"), rows},
      {point("int32 x = 1;"), rows, needs("t.P@.x (field 1): always has a value", "t.P@.x")});
  add("in a message that is a value: fields move out of a `oneof`", "two",
      {point("oneof o { int32 x = 1; string s = 2; }"), rows},
      {point("optional int32 x = 1; optional string s = 2;"),
       rows,
       {.older = "its type is another"}});
  const std::string line =
      "an enum of another name, or a message of another name in a field of another name";
  auto color = [](const std::string& name, const std::string& values) {
    return M(absl::StrCat("int64 id = 1; ", name, " e = 2; repeated ", name, " f = 3; P@ p = 4;")) +
           absl::StrCat("enum ", name, " { ", values, " } message P@ { ", name, " g = 1; }\n");
  };
  const std::string red = "Z@ = 0; RED@ = 1;";
  const std::vector<Row> reds = Ms({"id: 1 e: RED@ f: RED@ p { g: RED@ }"});
  add(line, "the same and more", {color("C@", red), reds},
      {color("D@", red + "BLUE@ = 2;"), reds, {.same_tables = true}});
  {
    Stage::Then then = needs("RED@, which is 1, would be LARGE@", "t.M@.e");
    then.options.allow.push_back("t.M@.f");
    then.options.allow.push_back("t.P@.g");
    add(line, "other values", {color("C@", red), reds},
        {color("D@", "Z@ = 0; LARGE@ = 1;"), Ms({"id: 1 e: LARGE@ f: LARGE@ p { g: LARGE@ }"}),
         then});
  }
  const std::string home = "message A@ { string street = 1; } int64 id = 1; ";
  const std::string owner = "message O@ { string name = 1; } int64 id = 1; ";
  add(line, "another message", {M(home + "A@ home = 5;"), Ms({"id: 1 home { street: 's' }"})},
      {M(owner + "O@ owner = 5;"), Ms({"id: 1 owner { name: 's' }"}),
       needs("was home, a t.M@.A@, and is a t.M@.O@", "t.M@.owner")});
  add(line, "another message in a map",
      {M(home + "map<int32, A@> homes = 5;"), Ms({"id: 1 homes { key: 1 value { street: 's' } }"})},
      {M(owner + "map<int32, O@> owners = 5;"), Ms({"id: 1 owners { key: 1 value { name: 's' } }"}),
       needs("the number seems to be used again", "t.M@.homes")});
  add(line, "only one of the two", {M(home + "A@ home = 5;"), Ms({"id: 1 home { street: 's' }"})},
      {M(owner + "O@ home = 5;"), Ms({"id: 1 home { name: 's' }"}), {.same_tables = true}});
}

void AddJson(std::vector<Change>* all) {
  const std::string line = "`json` is set, or taken away";
  const std::string types =
      "message P@ { int32 x = 1; repeated P@ more = 2; google.protobuf.Duration d = 3; }";
  const std::string off = types +
                          "int64 id = 1; P@ a = 2; repeated P@ b = 3; map<string, int64> c = 4; "
                          "oneof o { P@ p = 5; int32 q = 6; } repeated double d = 7;";
  const std::string on =
      types +
      "int64 id = 1; P@ a = 2 [(kin.field).json = true]; repeated P@ b = 3 [(kin.field).json = "
      "true]; map<string, int64> c = 4 [(kin.field).json = true]; oneof o { P@ p = 5 "
      "[(kin.field).json = true]; int32 q = 6; } repeated double d = 7 [(kin.field).json = true];";
  const std::vector<Row> rows =
      Ms({"id: 1 a { x: 1 more { x: 2 more { } } } b { x: 3 } b { } c { key: 'k' value: 5 } p { } "
          "d: nan d: -0.0",
          "id: 2 q: 7", "id: 3 a { d { nanos: -1 seconds: 1 } }", "id: 4"});
  all->push_back(
      {line,
       "set, and taken away",
       {{M(off), rows},
        {M(on),
         rows,
         {.older = "as JSON",
          .sees = {{"SELECT a ->> '$.more[0].x', json_array_length(b), c ->> 'k', p FROM m@ WHERE "
                    "id = 1",
                    "2|2|5|{}"},
                   {"SELECT a IS NULL AND b IS NULL AND c IS NULL AND _unknown IS NULL FROM m@ "
                    "WHERE id = 4",
                    "1"}}}},
        {M(off),
         rows,
         {.options = Allow("t.M@.a"),
          .sees = {{"SELECT count(*) FROM m@ WHERE _unknown IS NOT NULL", "0"},
                   {"SELECT typeof(a) || typeof(b) FROM m@ WHERE id = 1", "blobblob"}}}}}});
  const std::string text = M(types + "int64 id = 1; P@ a = 2 [(kin.field).json = true];");
  const std::string blob = M(types + "int64 id = 1; P@ a = 2;");
  for (const std::string sql : {"UPDATE m@ SET a = '{\"x\":6}'", "UPDATE m@ SET a = NULL",
                                "UPDATE m@ SET _unknown = NULL"}) {
    all->push_back({line,
                    sql,
                    {{text, Ms({"id: 1 a { x: 5 }"})},
                     {blob,
                      {},
                      {.refused = "rows have a text that somebody edited",
                       .code = absl::StatusCode::kFailedPrecondition,
                       .sql = sql,
                       .done = false}}}});
  }
  all->push_back(
      {line,
       "with another change of its type",
       {
           {M(types + "int64 id = 1; P@ a = 2;"), Ms({"id: 1 a { x: 5 }"})},
           {M("message P@ { string x = 1; repeated P@ more = 2; } int64 id = 1; P@ a = 2 "
              "[(kin.field).json = true];"),
            {},
            {.refused = "t.M@.P@.x was int32 and is string", .done = false}},
       }});
}

void AddPresence(std::vector<Change>* all) {
  const std::string line =
      "a field becomes `optional`, or goes from a wrapper to `optional` or "
      "back";
  all->push_back({line,
                  "optional",
                  {{M("int64 id = 1; int32 a = 2; string b = 3;"), Ms({"id: 1 a: 5", "id: 2"})},
                   {M("int64 id = 1; optional int32 a = 2; optional string b = 3;"),
                    Ms({"id: 1 a: 5 b: ''", "id: 2 a: 0 b: ''"})}}});
  all->push_back({line,
                  "wrapper and optional",
                  {{M("int64 id = 1; google.protobuf.Int64Value a = 2; optional bool b = 3;"),
                    Ms({"id: 1 a { value: 5 } b: true", "id: 2 a { }"})},
                   {M("int64 id = 1; optional int64 a = 2; google.protobuf.BoolValue b = 3;"),
                    Ms({"id: 1 a: 5 b { value: true }", "id: 2 a: 0"}),
                    {.same_tables = true}}}});
  all->push_back({line,
                  "an int32 becomes an optional int64, under another name",
                  {{M("int64 id = 1; int32 a = 2;"), Ms({"id: 1 a: 5"})},
                   {M("int64 id = 1; optional int64 b = 2;"), Ms({"id: 1 b: 5"})}}});
  const std::string plain = "an `optional` becomes plain";
  all->push_back({plain,
                  "every row has it",
                  {{M("int64 id = 1; optional int32 a = 2;"), Ms({"id: 1 a: 5", "id: 2 a: 0"})},
                   {M("int64 id = 1; int32 a = 2;"),
                    Ms({"id: 1 a: 5", "id: 2"}),
                    {.older = "t.M@.a: may no longer be absent"}}}});
  all->push_back({plain,
                  "some have not",
                  {{M("int64 id = 1; optional int32 a = 2;"), Ms({"id: 1 a: 5", "id: 2"})},
                   {M("int64 id = 1; int32 a = 2;"),
                    Ms({"id: 1 a: 5", "id: 2"}),
                    {.refused = "UPDATE \"m@\" SET \"a\" = 0 WHERE \"a\" IS NULL",
                     .sql = "UPDATE \"m@\" SET \"a\" = 0 WHERE \"a\" IS NULL",
                     .older = "t.M@.a: may no longer be absent"}}}});
  const std::string oneof = "fields move into a `oneof`";
  all->push_back({oneof,
                  "optional ones",
                  {{M("int64 id = 1; optional int32 a = 2; optional string b = 3;"),
                    Ms({"id: 1 a: 0", "id: 2 b: 'x'", "id: 3"})},
                   {M("int64 id = 1; oneof o { int32 a = 2; string b = 3; bool c = 4; }"),
                    Ms({"id: 1 a: 0", "id: 2 b: 'x'", "id: 3"}),
                    {.older = "a and b exclude each other"}}}});
  all->push_back(
      {oneof,
       "a single one",
       {{M("int64 id = 1; int32 a = 2;"), Ms({"id: 1 a: 5", "id: 2"})},
        {M("int64 id = 1; oneof o { int32 a = 2; }"), Ms({"id: 1 a: 5", "id: 2 a: 0"})}}});
  all->push_back(
      {oneof,
       "some rows have two",
       {{M("int64 id = 1; optional int32 a = 2; optional string b = 3;"), Ms({"id: 1 a: 0 b: ''"})},
        {M("int64 id = 1; oneof o { int32 a = 2; string b = 3; }"),
         Ms({"id: 1 a: 0"}),
         {.refused = "at most one field of oneof o is set",
          .sql = "UPDATE m@ SET b = NULL",
          .older = "exclude each other"}}}});
  all->push_back(
      {oneof,
       "two become one",
       {{M("int64 id = 1; oneof o { int32 a = 2; int32 b = 3; } oneof p { int32 c = 4; int32 d = "
           "5; }"),
         Ms({"id: 1 a: 1 c: 2"})},
        {M("int64 id = 1; oneof o { int32 a = 2; int32 b = 3; int32 c = 4; int32 d = 5; }"),
         Ms({"id: 1 a: 1"}),
         {.refused = "rows have more than one of them",
          .sql = "UPDATE m@ SET c = NULL",
          .older = "exclude each other"}}}});
  const std::string out = "fields move out of a `oneof`, or it gets another name";
  all->push_back({out,
                  "out of it",
                  {{M("int64 id = 1; oneof o { int32 a = 2; string b = 3; }"),
                    Ms({"id: 1 a: 0", "id: 2 b: 'x'"})},
                   {M("int64 id = 1; optional int32 a = 2; optional string b = 3;"),
                    Ms({"id: 1 a: 0", "id: 2 b: 'x'"})}}});
  all->push_back(
      {out,
       "and some rows have two since",
       {{M("int64 id = 1; oneof o { int32 a = 2; string b = 3; }"), Ms({"id: 1 a: 1"})},
        {M("int64 id = 1; optional int32 a = 2; optional string b = 3; int32 c = 4;"),
         Ms({"id: 1 a: 1 b: 'x'"}),
         {.sql = "UPDATE m@ SET b = 'x'",
          .older = "has more than one field set, of which this program would keep one"}}}});
  all->push_back({out,
                  "another name",
                  {{M("int64 id = 1; oneof o { int32 a = 2; string b = 3; }"), Ms({"id: 1 a: 0"})},
                   {M("int64 id = 1; oneof p { int32 a = 2; string b = 3; }"),
                    Ms({"id: 1 a: 0"}),
                    {.same_tables = true}}}});
}

void AddIndexes(std::vector<Change>* all) {
  const std::string line = "an index is added or removed; a unique one removed";
  const std::string none = M("int64 id = 1; int32 a = 2; string b = 3;");
  const std::vector<Row> rows = Ms({"id: 1 a: 5 b: 'x'", "id: 2 a: 6 b: 'x'"});
  const std::string count =
      "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'm@'";
  all->push_back({line,
                  "added and removed",
                  {{none, rows},
                   {M("int64 id = 1; int32 a = 2 [(kin.field).indexed = true]; string b = 3;",
                      "index: { fields: ['b', 'a'] }"),
                    rows,
                    {.sees = {{count, "2"}}}},
                   {none, rows, {.options = Allow("t.M@.a"), .sees = {{count, "0"}}}}}});
  all->push_back(
      {line,
       "an indexed field is renamed",
       {{M("int64 id = 1; int32 a = 2 [(kin.field).indexed = true];"), Ms({"id: 1 a: 5"})},
        {M("int64 id = 1; int32 b = 2 [(kin.field).indexed = true];"),
         Ms({"id: 1 b: 5"}),
         {.sees = {{count, "1"}}}}}});
  all->push_back(
      {line,
       "a unique one becomes a common one",
       {{M("int64 id = 1; int32 a = 2 [(kin.field).unique = true];"), Ms({"id: 1 a: 5"})},
        {M("int64 id = 1; int32 a = 2 [(kin.field).indexed = true];"),
         Ms({"id: 1 a: 5"}),
         {.sees = {{count, "1"}}}}}});
  const std::string unique = "a unique index (`unique`, a `has_one`) is added";
  const std::string after =
      M("int64 id = 1; int32 a = 2 [(kin.field).unique = true]; string b = 3;");
  all->push_back({unique,
                  "no two rows are the same",
                  {{none, rows}, {after, rows, {.older = "there is a unique index over \"a\""}}}});
  all->push_back({unique,
                  "of optional values, of which many may be absent",
                  {{M("int64 id = 1; optional int32 a = 2;"), Ms({"id: 1", "id: 2", "id: 3 a: 0"})},
                   {M("int64 id = 1; optional int32 a = 2 [(kin.field).unique = true];"),
                    Ms({"id: 1", "id: 2", "id: 3 a: 0"}),
                    {.older = "there is a unique index over \"a\""}}}});
  all->push_back({unique,
                  "two rows are the same",
                  {{none, Ms({"id: 1 a: 5", "id: 2 a: 5", "id: 3 a: 6"})},
                   {after,
                    Ms({"id: 1 a: 5", "id: 2 a: 7", "id: 3 a: 6"}),
                    {.refused = "rows in the way: 2: a=5",
                     .sql = "UPDATE m@ SET a = 7 WHERE id = 2",
                     .older = "there is a unique index"}}}});
  all->push_back(
      {unique,
       "a has_one",
       {{std::string(kUser) + M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' "
                                "model: 'U@'}];"),
         Ms({"id: 1 u_id: 1", "id: 2 u_id: 1"}) +
             std::vector<Row>{{"U@", "id: 1"}, {"U@", "id: 2"}}},
        {"message U@ { option (kin.model) = {has_one: {name: 'm' model: 'M@' foreign_key: "
         "'u_id'}}; "
         "int64 id = 1; string n = 2; }\n" +
             M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' model: 'U@'}];"),
         Ms({"id: 1 u_id: 1", "id: 2 u_id: 2"}) +
             std::vector<Row>{{"U@", "id: 1"}, {"U@", "id: 2"}},
         {.refused = "new unique index over u_id",
          .sql = "UPDATE m@ SET u_id = 2 WHERE id = 2",
          .older = "there is a unique index"}}}});
}

void AddForeignKeys(std::vector<Change>* all) {
  const std::string line = "a `belongs_to` is added: a new field";
  const std::vector<Row> user = {{"U@", "id: 1"}};
  const std::string none = kUser + M("int64 id = 1;");
  const std::string plain = "int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' model: 'U@'}];";
  const std::string fields = "int64 id = 1; " + plain;
  const std::string optional = "int64 id = 1; optional " + plain;
  all->push_back({line,
                  "optional",
                  {{none, user + Ms({"id: 1"})}, {kUser + M(optional), user + Ms({"id: 1"})}}});
  all->push_back(
      {line,
       "where there are no rows",
       {{none, user},
        {kUser + M(fields),
         user,
         {.older = "\"u_id\" has to name a t.U@ that is there: a belongs_to which is not in"}}}});
  all->push_back(
      {line,
       "and rows have no parent",
       {{none, user + Ms({"id: 1"})},
        {kUser + M(fields), {}, {.refused = "make the field `optional`", .done = false}}}});
  all->push_back({line,
                  "to the same model",
                  {{M("int64 id = 1;"), Ms({"id: 1"})},
                   {M("int64 id = 1; optional int64 up_id = 2 [(kin.field).belongs_to = {name: "
                      "'up' model: 'M@'}];"),
                    Ms({"id: 1"})}}});
  const std::string there = "a `belongs_to` is added to a field that was there";
  const std::string field = kUser + M("int64 id = 1; int64 u_id = 2;");
  all->push_back({there,
                  "every row has its parent",
                  {{field, user + Ms({"id: 1 u_id: 1"})},
                   {kUser + M(fields),
                    user + Ms({"id: 1 u_id: 1"}),
                    {.older = "\"u_id\" has to name a t.U@"}}}});
  all->push_back({there,
                  "some have none",
                  {{field, user + Ms({"id: 1 u_id: 1", "id: 2 u_id: 9"})},
                   {kUser + M(fields),
                    user + Ms({"id: 1 u_id: 1", "id: 2 u_id: 1"}),
                    {.refused = "rows in the way: 1: id=2",
                     .sql = "UPDATE m@ SET u_id = 1",
                     .older = "\"u_id\" has to name a t.U@"}}}});
  const std::string gone = "a `belongs_to` is removed, its field stays";
  all->push_back({gone,
                  "with rows",
                  {{kUser + M(fields), user + Ms({"id: 1 u_id: 1"})},
                   {field,
                    user + Ms({"id: 1 u_id: 1"}),
                    {.sees = {{"SELECT count(*) FROM pragma_foreign_key_list('m@')", "0"}}}}}});
  all->push_back({gone,
                  "and names a parent of another model",
                  {{kUser + M(fields) + Model("V@", "int64 id = 1;"),
                    user + Ms({"id: 1 u_id: 1"}) + std::vector<Row>{{"V@", "id: 1"}}},
                   {kUser +
                        M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' "
                          "model: 'V@'}];") +
                        Model("V@", "int64 id = 1;"),
                    user + Ms({"id: 1 u_id: 1"}) + std::vector<Row>{{"V@", "id: 1"}},
                    {.older = "\"u_id\" has to name a t.V@"}}}});
}

void AddRemovals(std::vector<Change>* all) {
  const std::string before =
      M("int64 id = 1; string a = 2; int32 b = 3 [(kin.field).indexed = "
        "true];");
  const std::vector<Row> rows = Ms({"id: 1 a: 'x' b: 7", "id: 2"});
  const std::string reserved = M("int64 id = 1; string a = 2; reserved 3;");
  const std::vector<Row> left = Ms({"id: 1 a: 'x'", "id: 2"});
  const std::string line = "a field is removed, its number `reserved`";
  all->push_back(
      {line,
       "kept",
       {{before, rows}, {reserved, left, {.sees = {{"SELECT b FROM m@ WHERE id = 1", "7"}}}}}});
  all->push_back({line,
                  "a foreign key",
                  {{kUser + M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' "
                              "model: 'U@'}];"),
                    Ms({"id: 1 u_id: 1"}) + std::vector<Row>{{"U@", "id: 1"}}},
                   {kUser + M("int64 id = 1; reserved 2;"),
                    Ms({"id: 1"}) + std::vector<Row>{{"U@", "id: 1"}},
                    {.sees = {{"SELECT u_id FROM m@", "1"}}}}}});
  const std::string bare = "a field is removed, its number not `reserved`";
  const std::string without = M("int64 id = 1; string a = 2;");
  all->push_back({bare,
                  "allowed",
                  {{before, rows},
                   {without,
                    left,
                    {.refused = "`reserved 3;`",
                     .options = Allow("t.M@.b"),
                     .sees = {{"SELECT b FROM m@ WHERE id = 1", "7"}}}}}});
  all->push_back(
      {bare,
       "dropped",
       {{before, rows},
        {without,
         left,
         {.refused = "`reserved 3;`",
          .options = Drop("t.M@.b"),
          .older = "t.M@.b: its column was dropped",
          .sees = {{"SELECT count(*) FROM pragma_table_info('m@') WHERE name = 'b'", "0"}}}}}});
  all->push_back({bare,
                  "it has another number",
                  {{before, rows},
                   {M("int64 id = 1; string a = 2; int32 b = 4;"),
                    {},
                    {.refused = "the field of that name has number 4 now", .done = false}}}});
  const std::string model = "a model is removed";
  const std::string two = kUser + M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: "
                                    "'u' model: 'U@'}];");
  const std::vector<Row> both = Ms({"id: 1 u_id: 1"}) + std::vector<Row>{{"U@", "id: 1"}};
  all->push_back({model,
                  "allowed",
                  {{two, both},
                   {kUser,
                    {{"U@", "id: 1"}},
                    {.refused = "t.M@: gone; table m@ is kept",
                     .options = Allow("t.M@"),
                     .sees = {{"SELECT u_id FROM m@", "1"}}}}}});
  all->push_back({model,
                  "dropped",
                  {{two, both},
                   {kUser,
                    {{"U@", "id: 1"}},
                    {.refused = "t.M@: gone; table m@ is kept",
                     .options = Drop("t.M@"),
                     .older = "t.M@: there is no table for it",
                     .sees = {{"SELECT count(*) FROM sqlite_schema WHERE name = 'm@'", "0"}}}}}});
  const std::string back = "a removed field or model comes back";
  all->push_back(
      {back,
       "a field",
       {{before, rows}, {reserved, left}, {before, rows, {.options = Allow("t.M@.b")}}}});
  all->push_back({back,
                  "a field, wider and under another name, while another has its name",
                  {{before, rows},
                   {reserved, left},
                   {M("int64 id = 1; string a = 2; reserved 3; string b = 4;"), left},
                   {M("int64 id = 1; string a = 2; optional int64 c = 3; string b = 4;"),
                    Ms({"id: 1 a: 'x' c: 7", "id: 2 c: 0"})}}});
  all->push_back({back,
                  "a field of another type",
                  {{before, rows},
                   {reserved, left},
                   {M("int64 id = 1; string a = 2; string b = 3;"),
                    left,
                    {.refused = "int32 becomes string", .options = Drop("t.M@.b"), .older = ""}}}});
  all->push_back({back,
                  "a model",
                  {{two, both},
                   {kUser, {{"U@", "id: 1"}}, {.refused = "t.M@: gone", .options = Allow("t.M@")}},
                   {two, both, {.options = Allow("t.M@"), .older = "t.M@: gone"}}}});
  all->push_back({back,
                  "a model with another field and a wider one",
                  {{two, both},
                   {kUser, {{"U@", "id: 1"}}, {.refused = "t.M@: gone", .options = Allow("t.M@")}},
                   {kUser + M("int64 id = 1; int64 u_id = 2 [(kin.field).belongs_to = {name: 'u' "
                              "model: 'U@'}]; string more = 3;"),
                    both}}});
}

void AddRules(std::vector<Change>* all) {
  const std::string key = "the primary key";
  const std::string fields = "int64 id = 1; string code = 2;";
  all->push_back({key,
                  "with rows",
                  {{M(fields), Ms({"id: 1 code: 'x'"})},
                   {M(fields, "primary_key: 'code'"),
                    {},
                    {.refused = "t.M@: the key becomes (code), and was (id)", .done = false}}}});
  all->push_back({key,
                  "without",
                  {{M(fields), {}},
                   {M(fields, "primary_key: 'code'"), {}, {.older = "t.M@: its key is another"}}}});
  all->push_back(
      {key,
       "one more part",
       {{M(fields), Ms({"id: 1 code: 'x'"})},
        {M(fields, "primary_key: ['id', 'code']"),
         {},
         {.refused = "t.M@: the key becomes (id, code), and was (id)", .done = false}}}});
  const std::string rules = "value rules, `on_delete`, stamps";
  all->push_back(
      {rules,
       "kept to",
       {{M("int64 id = 1; int32 a = 2; optional int64 up_id = 3 [(kin.field).belongs_to = {name: "
           "'up' model: 'M@'}];"),
         Ms({"id: 1 a: 3"})},
        {M("int64 id = 1; int32 a = 2 [(kin.field).max = 3]; optional int64 up_id = 3 "
           "[(kin.field).belongs_to = {name: 'up' model: 'M@' on_delete: CASCADE}];"),
         Ms({"id: 1 a: 3"}),
         {.same_tables = true}}}});
  all->push_back({rules,
                  "broken",
                  {{M("int64 id = 1; int32 a = 2;"), Ms({"id: 1 a: 5"})},
                   {M("int64 id = 1; int32 a = 2 [(kin.field).max = 3]; int32 b = 3;"),
                    Ms({"id: 1 a: 2"}),
                    {.refused = "table m@, key id=1, column a",
                     .code = absl::StatusCode::kDataLoss,
                     .sql = "UPDATE m@ SET a = 2",
                     .older_rows = Ms({"id: 1 a: 2"})}}}});
}

std::vector<Change> MakeChanges() {
  std::vector<Change> all;
  AddSilent(&all);
  AddAdded(&all);
  AddNames(&all);
  AddTypes(&all);
  AddOtherTypes(&all);
  AddPurposes(&all);
  AddJson(&all);
  AddPresence(&all);
  AddIndexes(&all);
  AddForeignKeys(&all);
  AddRemovals(&all);
  AddRules(&all);
  return all;
}

std::vector<Row> AllNumbered(const std::vector<Row>& rows, int number) {
  std::vector<Row> numbered;
  for (const Row& row : rows) {
    numbered.push_back({Numbered(row.model, number), Numbered(row.text, number)});
  }
  return numbered;
}

}  // namespace

const std::vector<Change>& Changes() {
  static const auto& changes = *new std::vector<Change>(MakeChanges());
  return changes;
}

std::string Numbered(const std::string& text, int number) {
  return absl::StrReplaceAll(text, {{"@", absl::StrCat(number)}});
}

Stage Numbered(const Stage& stage, int number) {
  Stage numbered = stage;
  for (std::string* text :
       {&numbered.schema, &numbered.then.refused, &numbered.then.sql, &numbered.then.older}) {
    *text = Numbered(*text, number);
  }
  numbered.rows = AllNumbered(stage.rows, number);
  numbered.then.older_rows = AllNumbered(stage.then.older_rows, number);
  for (auto* names : {&numbered.then.options.allow, &numbered.then.options.drop}) {
    for (std::string& name : *names) name = Numbered(name, number);
  }
  for (auto& [from, to] : numbered.then.options.renamed) {
    from = Numbered(from, number);
    to = Numbered(to, number);
  }
  for (auto& [query, row] : numbered.then.sees) {
    query = Numbered(query, number);
    row = Numbered(row, number);
  }
  return numbered;
}

}  // namespace kin::testing
