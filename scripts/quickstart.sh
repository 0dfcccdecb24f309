#!/bin/sh
# npm run quickstart [-- down | --db IMAGE | --help]: from nothing to a swarm of three nodes with a service behind a proxy.
# Sets up what is needed, then hands over to packages/quickstart.
set -eu
cd "$(dirname "$0")/.."

fail() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

[ "$(uname -s)" = Linux ] || fail "skep's nodes are made of Linux's namespaces, and this is $(uname -s): use a Linux machine or a virtual one"
for program in node npm; do
  command -v $program >/dev/null 2>&1 || fail "$program is not installed: Node 20 or newer and npm are needed (apt-get install nodejs npm, or nodejs.org)"
done
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || fail "Node 20 or newer is needed, and this is $(node --version): see nodejs.org"

wants_help=
for word; do
  case $word in --help | -h) wants_help=yes ;; esac
done
[ "$(id -u)" = 0 ] || [ -n "$wants_help" ] || fail 'making nodes needs root: repeat it with sudo'

# Shows that something is at work, on a terminal alone, until it is killed.
show_elapsed() {
  seconds=0
  while sleep 1; do
    seconds=$((seconds + 1))
    printf '\r\033[2Ksetup: at work for %s s (the first time takes a minute or two) ' $seconds
  done
}

# The first time takes a while; two at once would install into the same folder.
set_up() {
  exec 9<scripts/quickstart.sh
  flock 9
  ticker=
  if [ -t 1 ] && { [ ! -x node_modules/.bin/node ] || ! command -v dockerd >/dev/null; }; then
    show_elapsed &
    ticker=$!
    trap 'kill $ticker 2>/dev/null' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
  fi
  status=0
  sh scripts/setup.sh || status=$?
  if [ -n "$ticker" ]; then
    kill $ticker 2>/dev/null
    printf '\r\033[2K'
    trap - EXIT INT TERM
  fi
  exec 9<&-
  [ $status = 0 ] || fail 'setting up did not work, for the reason above. Once that is mended: npm run quickstart'
}

if [ "${1:-}" != down ] || [ ! -x node_modules/.bin/node ]; then
  set_up
fi
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/node}
export NODE_COMPILE_CACHE
exec node_modules/.bin/node --disable-warning=ExperimentalWarning packages/quickstart/src/main.ts "$@"
