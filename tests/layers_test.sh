#!/bin/bash
# Who may include whom: reads every #include of the source tree, and those of one generated header.
#
#   proto/compiler, proto/graph   ->  options.pb.h, protobuf, absl           (never store)
#   generated code                ->  kin/store/generated.h, .pb.h, .kin.h
#   examples, tools               ->  everything public
#   tests, bench                  ->  everything public, and what is internal to what they test
#   persistence/<engine>          ->  persistence/  ->  store (public)  ->  store/internal  ->  absl, std
#
# The tree is read where it is, not from runfiles, so that no new folder can be forgotten; hence the tag
# `external`, which has Bazel run this test always.
#
# Usage: layers_test.sh <a file in the root> <generated header>…
set -euo pipefail

marker="$(readlink -f "$1")"
root="$(dirname "${marker}")"
shift

folders=(store persistence proto tests testing bench examples tools third_party)

includes() { # FILE…: prints file:line:what is included, quoted or in angle brackets
  awk '/^[[:space:]]*#[[:space:]]*include[[:space:]]/ {
    sub(/^[[:space:]]*#[[:space:]]*include[[:space:]]*/, "")
    print FILENAME ":" FNR ":" $0
  }' "$@" < /dev/null
}

sources() {
  local -a files
  mapfile -d '' files < <(find "${folders[@]}" -type f \
    \( -name '*.h' -o -name '*.cc' -o -name '*.inc' \) -print0 2>/dev/null)
  includes "${files[@]}"
}

check() { # check KIND < file:line:included
  awk -F: -v kind="$1" '
    function complain(why) { printf "%s:%s: %s: %s\n", file, $2, $3, why; bad = 1 }
    function in_dir(dir) { return index(file, dir "/") == 1 }
    function takes(prefix) { return index(name, prefix) == 1 }
    {
      file = $1
      name = $3
      angled = (name ~ /^</)
      sub(/^["<]/, "", name)
      sub(/[">].*$/, "", name)
      test = in_dir("tests") || in_dir("testing") || in_dir("bench") || file ~ /_test\.cc$/
      seen++
    }
    kind == "generated" {
      if (!angled && name != "kin/store/generated.h" && name !~ /\.(pb|kin)\.h$/)
        complain("generated headers include kin/store/generated.h, .pb.h and .kin.h only")
      next
    }
    !angled && name ~ /^(store|persistence|proto|tests|testing|bench|examples|tools)\// && name !~ /\.(pb|kin)\.h$/ {
      complain("write kin/" name)
    }
    name ~ /(^|\/)sqlite3(ext)?\.h$/ && !test && !in_dir("persistence/sqlite") {
      complain("only persistence/sqlite includes SQLite")
    }
    in_dir("store") && !test {
      if (takes("kin/persistence/")) complain("store does not know persistence")
      if (name ~ /\.kin\.h$/) complain("store does not know generated code")
      if (name ~ /\.pb\.h$/ && name != "kin/options.pb.h" && !takes("google/protobuf/"))
        complain("store does not know generated messages")
      if (takes("kin/proto/") && !takes("kin/proto/graph/")) complain("store shares proto/graph only")
    }
    (in_dir("proto/compiler") || in_dir("proto/graph")) && !test {
      if (takes("kin/store/") || takes("kin/persistence/"))
        complain("the compiler and the graph of models know no store")
      if (in_dir("proto/graph") && takes("kin/proto/compiler/"))
        complain("the graph of models knows no compiler")
    }
    in_dir("persistence") && !test {
      if (takes("kin/store/internal/")) complain("persistence uses the public store")
      if (name ~ /\.kin\.h$/) complain("persistence does not know generated code")
      if (takes("kin/persistence/sqlite/") && !in_dir("persistence/sqlite") &&
          file !~ /^persistence\/sqlite\.(h|cc)$/)
        complain("what is common to all engines knows none of them")
    }
    (in_dir("examples") || in_dir("tools")) && name ~ /^kin\/.*\/internal\// {
      complain("not public")
    }
    takes("kin/tests/") || takes("kin/testing/") || takes("kin/bench/") || takes("kin/examples/") {
      if (!test && !in_dir("examples")) complain("not for code that ships")
    }
    END {
      if (!seen) { print "no includes found: this test looks in the wrong place"; bad = 1 }
      exit bad
    }
  '
}

headers=()
for header in "$@"; do
  [[ "${header}" == *.kin.h ]] && headers+=("${header}")
done

failed=0
includes "${headers[@]}" | check generated || failed=1
cd "${root}"
sources | check sources || failed=1
[[ "${failed}" == 0 ]] && echo "Every include is allowed."
exit "${failed}"
