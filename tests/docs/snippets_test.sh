#!/bin/bash
# Every block of code of a document is part of what is compiled and tested, but for the white space in it.
#
# Usage: snippets_test.sh DOCUMENT LANGUAGE FILE [LANGUAGE FILE]…
set -euo pipefail

document="$1"
shift
status=0
found=0

squeeze() { tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//'; }

while (($# > 1)); do
  language="$1"
  text="$(squeeze < "$2")"
  # Blocks one after the other, each ended by a line that no code has.
  blocks="$(awk -v fence="\`\`\`${language}" '
    $0 == fence { inside = 1; next }
    inside && /^```$/ { inside = 0; print "\001"; next }
    inside { print }' "${document}")"
  while IFS= read -r -d $'\001' block; do
    wanted="$(squeeze <<< "${block}")"
    [[ -n "${wanted}" ]] || continue
    found=$((found + 1))
    if [[ "${text}" != *"${wanted}"* ]]; then
      printf '%s: a block in %s is not in %s:\n%s\n' "${document}" "${language}" "$2" "${block}"
      status=1
    fi
  done <<< "${blocks}"
  shift 2
done
((found > 0)) || { echo "${document}: no blocks of code"; status=1; }
exit "${status}"
