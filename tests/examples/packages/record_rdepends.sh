#!/bin/bash
# Records what apt-cache itself answers on the sample lists of examples/packages, into
# testdata/rdepends.txt, one line a name: "NAME: DEPENDANT…".
#
# apt-cache runs on an apt root of its own, with the two lists as its only repositories and no
# installed packages. Run again after a change of the sample.
set -euo pipefail

here="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
sample="${here}/../../../examples/packages/sample"
root="$(mktemp -d)"
trap 'rm -rf "${root}"' EXIT

source "${here}/apt_rdepends.sh"
mkdir -p "${root}"/etc/{apt.conf.d,preferences.d,sources.list.d} "${root}"/state/lists/partial \
  "${root}"/cache/archives/partial
for list in main updates; do
  mkdir "${root}/${list}"
  cp "${sample}/${list}_Packages" "${root}/${list}/Packages"
  echo "deb [trusted=yes] file:${root}/${list} ./" >> "${root}/etc/sources.list"
done
apt=(-o Dir::Etc="${root}/etc" -o Dir::State="${root}/state" -o Dir::State::status=/dev/null
  -o Dir::Cache="${root}/cache" -o APT::Architecture=amd64 -o APT::Architectures=amd64
  -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${apt[@]}" -qq update

apt_rdepends "${apt[@]}" > "${here}/testdata/rdepends.txt"
