#!/bin/sh
# Redis, the database of the demonstration, as a tar archive on standard output: Debian's redis-server and redis-cli, with
# the official image's defaults: it listens on every address, keeps its data in /data, and SIGTERM saves and ends it.
#   sh images/import.sh redis skep/redis
set -eu
if [ "${1:-}" = --changes ]; then
  cat <<'CHANGES'
ENTRYPOINT ["redis-server"]
CMD ["--protected-mode","no","--dir","/data"]
WORKDIR /data
VOLUME /data
EXPOSE 6379/tcp
HEALTHCHECK --interval=2s --timeout=3s --retries=3 CMD ["redis-cli","ping"]
CHANGES
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"
add "$(program redis-server)" /usr/bin/redis-server
add "$(program redis-cli)" /usr/bin/redis-cli
mkdir "$root/data"
finish
