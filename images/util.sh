#!/bin/sh
# Tools to look at a network from inside, as a tar archive on standard output: busybox, drill and curl. A container of it
# waits until it is asked something by `docker exec`.
#   sh images/import.sh util skep/util
set -eu
if [ "${1:-}" = --changes ]; then
  echo 'CMD ["sh","-c","trap exit TERM; sleep 1000000000 & wait"]'
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"
add "$(program drill)" /usr/bin/drill
add "$(program curl)" /usr/bin/curl
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
  put /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
fi
finish
