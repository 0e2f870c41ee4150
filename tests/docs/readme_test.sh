#!/bin/bash
# What the README prints of examples/accounts is what is compiled, run and tested there.
#
# Usage: readme_test.sh README.md LANGUAGE FILE [LANGUAGE FILE]…
set -euo pipefail

readme="$1"
shift
status=0
while (($# > 1)); do
  # The first block in that language.
  awk -v fence="\`\`\`$1" '
    $0 == fence && !done { inside = 1; next }
    inside && /^```$/ { inside = 0; done = 1 }
    inside { print }' "${readme}" |
    diff - "$2" > "${TEST_TMPDIR}/difference" || { echo "README.md differs from $2:"; cat "${TEST_TMPDIR}/difference"; status=1; }
  shift 2
done
exit "${status}"
