#!/bin/bash
# The first process of a node: node-init.sh HOME NAME, started in fresh network, mount, UTS and PID namespaces.
# It records itself, makes the node's private view of the machine, and then only reaps what is left to it.
set -eu
home=$1 name=$2

# /proc is still the machine's: this is our line as the machine sees us. It is how others find this node's namespaces.
IFS= read -r stat </proc/self/stat

mount --make-rprivate /
mount -t proc proc /proc
printf '%s\n' "$name" >/proc/sys/kernel/hostname

# resolv.conf may be a link into /run, which is about to be another folder: make its target there.
resolv=$(readlink -m /etc/resolv.conf)
mount --bind "$home/run" /run
case $resolv in
  /run/*) mkdir -p "${resolv%/*}" && : >"$resolv" ;;
esac
[ ! -e "$resolv" ] || mount --bind "$home/etc/resolv.conf" "$resolv"

printf '%s\n' "$stat" >"$home/init.new"
mv "$home/init.new" "$home/init"

# With SIGCHLD ignored the kernel itself reaps the orphans that come to us.
trap '' CHLD
exec sleep infinity
