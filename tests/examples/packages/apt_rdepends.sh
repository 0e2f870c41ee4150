# To be sourced: what apt-cache answers about every name that a package list contains.

# apt_rdepends OPTION…: prints one line a name, "NAME: DEPENDANT…", all sorted by bytes. The options are
# apt-cache's. Of names that no list contains apt-cache prints no dependants, hence it is not asked.
#
# Of its output a line without indent is a name; below it dependants have an indent of two, the first
# column of which is blank and the second "|" where the dependency is one of several alternatives.
apt_rdepends() {
  apt-cache "$@" -o Dir::State::status=/dev/null pkgnames |
    xargs apt-cache "$@" -o Dir::State::status=/dev/null --no-recommends --no-suggests --no-breaks \
      --no-conflicts --no-replaces --no-enhances rdepends |
    awk '
      /^[^ ]/ && !/^Reverse Depends:$/ { name = $0; print name }
      /^ [ |][^ ]/ { print name, substr($0, 3) }' |
    LC_ALL=C sort -u |
    awk '
      NF == 1 { if (line != "") print line; line = $1 ":" }
      NF == 2 { line = line " " $2 }
      END { print line }'
}
