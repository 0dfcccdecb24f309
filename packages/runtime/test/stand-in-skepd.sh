#!/bin/sh
exec "$(dirname "$0")/../../../node_modules/.bin/node" "$(dirname "$0")/stand-in-skepd.ts" "$@"
