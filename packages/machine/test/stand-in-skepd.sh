#!/bin/sh
# Takes skepd's place where only the machine around it is tested: writes its pidfile and answers GET /_ping.
exec "$(dirname "$(readlink -f "$0")")/../../../node_modules/.bin/node" --disable-warning=ExperimentalWarning "$(dirname "$(readlink -f "$0")")/stand-in-skepd.ts" "$@"
