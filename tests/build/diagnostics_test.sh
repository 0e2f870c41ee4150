#!/bin/bash
# The first thing that the compiler says of each marked line of a source is what the mark says, and it says
# nothing of other lines. A mark is a comment at the end of a line: // kin: how the message begins
#
# Usage: diagnostics_test.sh SOURCE DIAGNOSTICS
set -euo pipefail

name="$(basename "$1")"
awk -v name="${name}" '
  # The marks.
  FNR == NR {
    at = index($0, "// kin: ")
    if (at) wanted[FNR] = substr($0, at + 3)
    next
  }
  # Of which line the next errors are: GCC says it before an error in a template, clang after it.
  /^In file included from|^ +from / { next }
  index($0, name ":") {
    rest = substr($0, index($0, name ":") + length(name) + 1)
    line = rest + 0
    if (clang && $0 ~ /note: in instantiation of/ && pending != "") {
      if (!(line in said)) said[line] = pending
      pending = ""
    }
  }
  /error: / {
    message = substr($0, index($0, "error: ") + 7)
    if (message ~ /^static_assert failed/) {
      clang = 1
      sub(/^static_assert failed( due to requirement .*)? "/, "", message)
    }
    sub(/^static assertion failed: /, "", message)
    if (clang && !index($0, name ":")) {
      pending = message
    } else if (!(line in said)) {
      said[line] = message
    }
  }
  END {
    for (line in wanted) {
      ++marks
      if (index(said[line], wanted[line]) != 1) {
        printf "%s:%d: wanted: %s\n  and the compiler says: %s\n", name, line, wanted[line], said[line]
        status = 1
      }
    }
    for (line in said) {
      if (!(line in wanted)) {
        printf "%s:%d: not marked, and the compiler says: %s\n", name, line, said[line]
        status = 1
      }
    }
    if (!marks) {
      print name ": no line is marked"
      status = 1
    }
    exit status
  }' "$1" "$2"
