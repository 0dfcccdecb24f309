#!/bin/sh
# npm test [unit|netns|e2e ...]: sets up, checks, and runs the tests; quiet when green, complete when red. The kernel and
# end-to-end tests need root and are skipped without it. The last line is always "N passed, N failed[, N skipped]".
set -eu
cd "$(dirname "$0")/.."
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
status=0

say() { printf 'test: %s\n' "$*"; }
elapsed() { echo $(($(date +%s) - $1)); }

# A step that is no vitest run; it counts as one failed test when it fails.
step() {
  name=$1
  shift
  started=$(date +%s)
  if "$@" >"$results/$name.log" 2>&1 </dev/null; then
    say "$name ok ($(elapsed "$started") s)"
    return 0
  fi
  cat "$results/$name.log"
  say "$name FAILED"
  : >"$results/$name.failed"
  return 1
}

# A kind of tests: all projects of vitest.config.ts that are called so, or so and more.
project() {
  say "$1 ..."
  started=$(date +%s)
  code=0
  vitest run --project "$1*" --passWithNoTests --reporter=default --reporter=json --outputFile.json="$results/$1.json" \
    >"$results/$1.log" 2>&1 </dev/null || code=$?
  if [ $code = 0 ]; then
    say "$1 ok ($(elapsed "$started") s)"
  else
    cat "$results/$1.log"
    say "$1 FAILED"
    : >"$results/$1.failed"
  fi
}

finish() {
  node scripts/count-tests.mjs "$results" || status=1
  exit $status
}

projects=${*:-unit netns e2e}
for name in $projects; do
  case $name in
    unit | netns | e2e) ;;
    *)
      echo "test: there is no \"$name\": unit, netns or e2e" >&2
      exit 2
      ;;
  esac
done

if ! sh scripts/setup.sh; then
  say 'setup FAILED'
  echo '0 passed, 1 failed'
  exit 1
fi
PATH=$PWD/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

step check sh scripts/check.sh || status=1
for name in $projects; do
  if [ "$name" != unit ] && [ "$(id -u)" != 0 ]; then
    say "$name skipped: it needs root (namespaces and engines of its own); repeat with sudo"
  else
    project "$name"
  fi
done
finish
