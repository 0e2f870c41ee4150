#!/bin/bash
# Runs the packages program as a user does: loads the sample lists, asks, loads again, breaks things.
#
# Usage: packages_test.sh PROGRAM main_Packages updates_Packages rdepends.txt
set -uo pipefail

program="$(readlink -f "$1")"
main="$(readlink -f "$2")"
updates="$(readlink -f "$3")"
recorded="$(readlink -f "$4")"
cd "${TEST_TMPDIR:?}" || exit 1
unset BUILD_WORKING_DIRECTORY
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# Runs the program and expects an exit code; leaves its output in the files `out` and `err`.
run() { # CODE ARGUMENT…
  local expected="$1" code
  shift
  "${program}" "$@" > out 2> err
  code=$?
  ((code == expected)) || { fail "packages $* exited with ${code}, not ${expected}"; cat out err >&2; }
}

expect() { # FILE LINE: the file has this very line
  grep -qxF -- "$2" "$1" || { fail "no line \"$2\" in $1:"; cat "$1" >&2; }
}

expect_some() { # FILE TEXT: the file contains this text
  grep -qF -- "$2" "$1" || { fail "\"$2\" is not in $1:"; cat "$1" >&2; }
}

# Before anything is loaded.
run 3 show libc6
expect_some err "packages.db holds no package lists yet"
[[ -e packages.db ]] && fail "a question made a database"
run 3 --lists nowhere load
expect_some err "apt-get update"
run 2 frobnicate
run 2 show
run 0 --help
expect_some out rdepends

# Two lists, one of them compressed, with one package in both.
gzip -c "${updates}" > updates.gz
run 0 load "${main}" updates.gz
[[ -s err ]] && { fail "standard error of a load into a file is not empty"; cat err >&2; }
expect_some out "Read 23 paragraphs from 2 lists"
expect_some out "Packages: 22 new, 0 changed, 0 unchanged, 1 repeated, 0 removed. No bad lines."

# Every name: what apt-cache answered on the same lists.
while IFS=: read -r name dependants; do
  run 0 rdepends "${name}" --names
  diff <(tr ' ' '\n' <<< "${dependants# }" | sed '/^$/d') out || fail "rdepends ${name}"
done < "${recorded}"

# Names apt-cache prints no dependants of: virtual, missing, qualified.
run 0 rdepends --names mail-transport-agent
diff <(printf '%s\n' bsd-mailx mailman3) out || fail "rdepends of a virtual name"
run 0 rdepends --names gone-from-the-archive
diff <(printf '%s\n' tool-with-self) out || fail "rdepends of a missing name"
run 0 rdepends --names python3:any
diff <(printf '%s\n' lsb-release mailman3 nodeenv python3-apt) out || fail "rdepends of python3:any"
run 0 rdepends --names python3
expect_some err "4 names depend on python3:any"
run 0 rdepends moving
run 1 rdepends --names nosuchthing
[[ -s out ]] && fail "an unknown name printed something"
run 0 rdepends libc6
expect out "moving  Depends: libc6 (>= 2.0); Pre-Depends: libc6 (>= 2.36)"

# A package in its highest version, 1.10 and not 1.9.
run 0 show moving
expect out "Version: 1.10-1"
expect out "Other-Versions: 1.9-1 (amd64)"
expect out "Depends: only-new"
run 0 show mailman3
expect out "Depends: <default-mta> | postfix | <mail-transport-agent>, python3:any, <lsb-base> (>= 3.0-6)"
run 0 show mail-transport-agent
expect out "State: virtual: no list contains it, other packages provide it"
expect out "Provided-By: exim4-daemon-light, postfix"
expect out "Needed-By: 2 names"
run 0 show gone-from-the-archive
expect out "State: missing: no list contains it and nothing provides it"
run 0 show tool-with-self
grep -q '^Maintainer' out && fail "a maintainer that no list names"
run 1 show nosuchthing

# One mailbox under two names.
run 0 maintainer packages@qa.debian.org
expect out "Debian QA Group <packages@qa.debian.org>"
expect out "Debian QA Groupies <packages@qa.debian.org>"
expect out "  moving 1.10-1 (amd64)"
run 0 maintainer "Debian QA Group <packages@qa.debian.org>" --names
diff <(printf '%s\n' moving only-old) out || fail "maintainer --names"
run 1 maintainer "Nobody At All"

run 0 stats
expect out "          22  Package"
expect out "          20  are of packages"

# The same again changes nothing; less removes what is gone, and what only that named.
run 0 load "${main}" updates.gz
expect_some out "Packages: 0 new, 0 changed, 22 unchanged, 1 repeated, 0 removed."
sed 's/^Depends: only-new$/Depends: only-old/' "${updates}" > changed
run 0 load "${main}" - < changed
expect_some out "Packages: 0 new, 1 changed, 21 unchanged, 1 repeated, 0 removed."
run 0 show moving
expect out "Depends: only-old"
run 0 load "${updates}"
expect_some out "Packages: 0 new, 1 changed, 2 unchanged, 0 repeated, 19 removed."
run 1 show postfix
run 1 show mail-transport-agent
run 1 maintainer doko@debian.org
run 0 show python3
expect out "State: missing: no list contains it and nothing provides it"

# Bad lines are named, and the rest is loaded.
printf 'Package: good\nVersion: 1\nArchitecture: all\nwhat is this\nDepends: a b, c\n\nVersion: 2\n' > bad
run 4 --db bad.db load bad
expect err 'bad:4: expected "Field: value", found "what is this"'
expect_some err 'bad:5: Depends: expected "(", a sign, a version and ")" after the name in "a b"'
expect err "bad:7: the paragraph has no field Package and is left out"
run 0 --db bad.db show good
expect out "Depends: <c>"

# A list that cannot be read whole removes nothing, and the load counts as unfinished.
gzip -c "${main}" | head -c 2000 > cut.gz
run 3 --db bad.db load cut.gz
expect_some err "cut.gz could not be read whole"
run 3 --db bad.db show good
expect_some err "bad.db holds no package lists yet"
run 0 --db bad.db load "${main}"
run 1 --db bad.db show good
run 3 --db new.db load missing.file
expect_some err "missing.file"

# The tour: without lists on the sample, in memory; with lists, into the database.
mkdir empty lists
run 0 --db tour.db --lists empty
expect_some err "going on with the small sample"
expect out "Package: python3"
[[ -e tour.db ]] && fail "the sample was written to a database"
cp "${main}" lists/x_Packages
run 0 --db tour.db --lists lists
expect_some out "Read 20 paragraphs from 1 list "
run 0 --db tour.db --lists lists
grep -q '^Read ' out && fail "the tour loaded what was loaded"

# Somebody else's file is left alone.
echo "This is no database, but it is somebody's, and it is long enough to be looked at." > text.db
cp text.db text.copy
run 3 --db text.db load "${main}"
cmp text.db text.copy || fail "a file that is no database was changed"

((failures == 0)) && echo "all passed"
exit $((failures > 0))
