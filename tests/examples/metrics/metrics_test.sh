#!/bin/bash
# The example answers with metrics on a port of this machine, and ends cleanly when told to.
#
# Usage: metrics_test.sh <the program>
set -euo pipefail

database="${TEST_TMPDIR:-$(mktemp -d)}/metrics.db"
exec 3< <(exec "$1" "${database}" 0)
pid=$!
read -r -u 3 url
[[ "${url}" =~ ^http://127\.0\.0\.1:([0-9]+)/metrics$ ]] || { echo "no address: ${url}"; exit 1; }
port="${BASH_REMATCH[1]}"

ask() { # ask REQUEST-LINE: prints the whole answer
  exec 4<> "/dev/tcp/127.0.0.1/${port}"
  printf '%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" >&4
  cat <&4
  exec 4>&-
}

expect() { # expect REQUEST-LINE PATTERN
  local answer
  answer="$(ask "$1")"
  grep -qE "$2" <<< "${answer}" || { echo "$1: no $2 in:"; echo "${answer}"; kill "${pid}"; exit 1; }
}

expect 'GET /metrics' '^HTTP/1.1 200'
expect 'GET /metrics' '^kin_records\{store="accounts"\} 1000'
expect 'GET /metrics' '^kin_commit_duration_seconds_bucket\{store="accounts",le="\+Inf"\} 62'
expect 'GET /other' '^HTTP/1.1 404'
expect 'POST /metrics' '^HTTP/1.1 405'

kill -TERM "${pid}"
while kill -0 "${pid}" 2> /dev/null; do sleep 0.05; done
[[ "$(find "$(dirname "${database}")" -name 'metrics.db-*' | wc -l)" == 0 ]] ||
  { echo "the database was not closed"; exit 1; }
