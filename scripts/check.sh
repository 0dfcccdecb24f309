#!/bin/sh
# npm run check: format, lint and types of the whole repository.
set -eu
cd "$(dirname "$0")/.."
[ -x node_modules/.bin/node ] || sh scripts/setup.sh
PATH=$PWD/node_modules/.bin:$PATH
status=0
biome check --error-on-warnings . || status=1
tsc -p . || status=1
exit $status
