#!/bin/sh
# Makes an image by one of the recipes here and gives it to an engine (this machine's, or that of DOCKER_HOST):
#   sh images/import.sh RECIPE IMAGE
set -eu
recipe=$(dirname "$(readlink -f -- "$0")")/$1.sh
image=$2
changes=$(mktemp)
trap 'rm -f "$changes"' EXIT
sh "$recipe" --changes >"$changes"
set --
while read -r change; do
  set -- "$@" --change "$change"
done <"$changes"
sh "$recipe" | docker import "$@" - "$image"
