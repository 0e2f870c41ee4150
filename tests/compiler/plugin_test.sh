#!/bin/bash
# What a user of protoc and protoc-gen-kin sees: mistakes, exit codes and files.
#
# Usage: plugin_test.sh PROTOC PLUGIN OPTIONS_PROTO
set -euo pipefail

protoc="$(readlink -f "$1")"
plugin="$(readlink -f "$2")"
options="$(readlink -f "$3")"
work="${TEST_TMPDIR}/work"
failures=0

fail() {
  printf 'FAIL %s\n' "$@" >&2
  failures=$((failures + 1))
}

# run NAME FLAG-OR-PROTO…: protoc in ${work}; its exit code in ${code}, its error output in ${errors}.
run() {
  code=0
  errors="$("${protoc}" -I. -I"${options%/kin/options.proto}" --plugin=protoc-gen-kin="${plugin}" \
    --kin_out=out "$@" 2>&1)" || code=$?
}

expect() { # expect NAME CODE ERRORS
  [[ "${code}" == "$2" ]] || fail "$1: the exit code is ${code}, not $2"
  [[ "${errors}" == "$3" ]] ||
    fail "$1: the error output is not as expected:" "$(diff <(echo "$3") <(echo "${errors}"))"
}

expect_files() { # expect_files NAME FILES
  local files
  files="$(cd out && find . -type f | sort | xargs)"
  [[ "${files}" == "$2" ]] || fail "$1: there are the files '${files}', not '$2'"
  rm -rf out && mkdir out
}

mkdir -p "${work}/out" "${work}/deep"
cd "${work}"

cat > bad.proto << 'EOF'
syntax = "proto3";
package shop;
import "kin/options.proto";
message Customer {
  option (kin.model) = { has_many: { name: "orders" model: "Odrer" } };
  optional int64 id = 1;
}
message Order {
  option (kin.model) = {};
  int64 id = 1;
  int32 customer_id = 2 [(kin.field).belongs_to = {}];
  string number = 3 [
    (kin.field).unique = true,
    (kin.field).uuid = true
  ];
}
EOF
readonly BAD='bad.proto:5:3: error: has_many "orders": there is no model "Odrer"; did you mean "Order"?
bad.proto:6:3: error: "id" is in the key of shop.Customer and so cannot be absent; write "int64 id = 1"
bad.proto:14:5: error: "number" is not the key of shop.Order, and only a key is filled with a uuid; remove uuid, or write primary_key: ["number"]
--kin_out: 3 mistakes in the models; nothing was generated'
run bad.proto
expect "all mistakes of a file, by position" 1 "${BAD}"
expect_files "all mistakes of a file, by position" ""

# A good file beside a bad one, and one that imports it: each mistake is said once.
cat > importer.proto << 'EOF'
syntax = "proto3";
package shop;
import "kin/options.proto";
import "bad.proto";
message Note {
  option (kin.model) = {};
  int64 id = 1;
  int64 order_id = 2 [(kin.field).belongs_to = {}];
  Order last = 3;  // Or protoc says that the import is unused.
}
EOF
cat > deep/good-one.v1.proto << 'EOF'
syntax = "proto3";
import "kin/options.proto";
message Good { option (kin.model) = {}; int64 id = 1; optional int64 age = 2; }
EOF
run deep/good-one.v1.proto importer.proto bad.proto
expect "mistakes of an import, once" 1 "${BAD}"
expect_files "mistakes of an import, once" ""

# A model that is known to protoc, but not to the file.
cat > stranger.proto << 'EOF'
syntax = "proto3";
import "kin/options.proto";
message Stranger {
  option (kin.model) = {};
  int64 id = 1;
  int64 good_id = 2 [(kin.field).belongs_to = {}];
}
EOF
run deep/good-one.v1.proto stranger.proto
expect "a model of a file that is not imported" 1 \
  'stranger.proto:6:22: error: belongs_to "good": there is no model "Good", as its name says; Good is in "deep/good-one.v1.proto", which this file does not import: write import "deep/good-one.v1.proto";
--kin_out: 1 mistake in the models; nothing was generated'
expect_files "a model of a file that is not imported" ""

echo 'syntax = "proto3";' > empty.proto
run deep/good-one.v1.proto empty.proto
expect "no mistakes" 0 ""
expect_files "no mistakes" \
  "./deep/good-one.v1.kin.cc ./deep/good-one.v1.kin.h ./empty.kin.cc ./empty.kin.h"

run --kin_opt=fast empty.proto
expect "options there are none of" 1 '--kin_out: there are no options, so there is no "fast"'

exit "$((failures > 0))"
