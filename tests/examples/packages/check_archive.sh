#!/bin/bash
# Compares rdepends with apt-cache, for every name in the package lists of this machine.
#
#   ./bazelw run -c opt //tests/examples/packages:check_archive
#
# Takes about a minute. Prints each name about which the two differ.
set -euo pipefail

here="tests/examples/packages"  # In the runfiles, where `bazel run` starts it.
source "${here}/apt_rdepends.sh"
work="$(mktemp -d)"
trap 'rm -rf "${work}"' EXIT

mapfile -t lists < <(ls /var/lib/apt/lists/*_Packages*)
"${here}/all_rdepends" "${lists[@]}" > "${work}/kin"
apt_rdepends > "${work}/apt"
echo "$(wc -l < "${work}/apt") names, $(tr -cd ' ' < "${work}/apt" | wc -c) pairs of names"
if diff "${work}/apt" "${work}/kin" > "${work}/difference"; then
  echo "all agree"
else
  sed -n 's/^< \([^:]*\):.*/apt-cache has other dependants of \1/p' "${work}/difference"
  exit 1
fi
