#!/bin/sh
# Makes an image by one of the recipes here and gives it to an engine (this machine's, or that of DOCKER_HOST); does nothing
# when the engine has it, made from the same things. Prints the image's id.
#   sh images/import.sh RECIPE IMAGE
set -eu
here=$(dirname "$(readlink -f -- "$0")")
if [ $# != 2 ] || [ ! -e "$here/$1.sh" ] || [ "$1" = import ] || [ "$1" = rootfs ]; then
  recipes=$(cd "$here" && ls ./*.sh | sed 's,^./,,; s,\.sh$,,; /^import$/d; /^rootfs$/d' | tr '\n' ' ')
  echo "usage: sh images/import.sh RECIPE IMAGE; recipes: $recipes" >&2
  exit 2
fi
recipe=$here/$1.sh
image=$2
repo=$(dirname "$here")

inputs() { # all that images are made of: what is in this repository, and the programs of this machine
  cd "$repo"
  find images packages/*/src packages/proxy/errorfiles bin package-lock.json -type f ! -name '*.test.ts' ! -name '*.md' |
    sort | xargs sha256sum
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  for program in busybox haproxy nginx perl redis-server redis-cli drill curl node_modules/.bin/node; do
    stat -Lc '%n %s %Y' "$(command -v "$program")" 2>/dev/null || true
  done
}
label=skep.inputs
digest=$(inputs | sha256sum | cut -d ' ' -f 1)
if [ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null)" = "$digest" ]; then
  exec docker image inspect --format '{{.Id}}' "$image"
fi

archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sh "$recipe" >"$archive" # first, and whole: half an archive is an image too
set -- --change "LABEL $label=$digest"
while read -r change; do
  set -- "$@" --change "$change"
done <<CHANGES
$(sh "$recipe" --changes)
CHANGES
docker import "$@" "$archive" "$image"
