#!/bin/bash
# Runs the accounts program twice on one database: what the first run wrote, the second reads.
#
# Usage: accounts_test.sh PROGRAM
set -uo pipefail

program="$(readlink -f "$1")"
cd "${TEST_TMPDIR:?}" || exit 1

"${program}" > first 2> first_errors || { cat first_errors >&2; exit 1; }
diff <(echo "ada@example.com countess") first || exit 1
diff /dev/null first_errors || exit 1

"${program}" > second 2> second_errors || { cat second_errors >&2; exit 1; }
diff first second || exit 1
grep -q '^ALREADY_EXISTS: .*User.*email' second_errors || { cat second_errors >&2; exit 1; }
