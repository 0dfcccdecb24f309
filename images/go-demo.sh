#!/bin/sh
# The demonstration service, packages/go-demo, as a tar archive on standard output. Without any registry, into the engine
# of this machine or of DOCKER_HOST:
#   sh images/import.sh go-demo skep/go-demo
set -eu
if [ "${1:-}" = --changes ]; then
  cat <<'CHANGES'
ENTRYPOINT ["/opt/skep/node_modules/.bin/node","--disable-warning=ExperimentalWarning","--max-semi-space-size=1","/opt/skep/packages/go-demo/src/main.ts"]
ENV NODE_COMPILE_CACHE=/opt/skep/node_modules/.cache/node
ENV NODE_COMPILE_CACHE_PORTABLE=1
ENV DB=go-demo-db
EXPOSE 8080/tcp
HEALTHCHECK --interval=2s --timeout=3s --retries=3 CMD ["wget","-q","-O","/dev/null","http://127.0.0.1:8080/demo/metrics"]
CHANGES
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"
add_package go-demo node_modules/.bin/node --disable-warning=ExperimentalWarning --max-semi-space-size=1 packages/go-demo/src/main.ts
finish
