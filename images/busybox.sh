#!/bin/sh
# A small root file system for containers, as a tar archive on standard output: this machine's busybox under the names of
# all its applets. For trying things out without a registry:
#   sh images/import.sh busybox busybox:local
set -eu
if [ "${1:-}" = --changes ]; then
  echo 'CMD ["sh"]'
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"
finish
