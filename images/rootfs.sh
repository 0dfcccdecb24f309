# shellcheck shell=sh
# What recipes are made of; a recipe reads this file with `. "$here/rootfs.sh"` and builds below $root.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
repo=$(dirname "$here")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
app=/opt/skep

program() { # NAME: where it is
  command -v "$1" || {
    echo "$1 is not installed: npm run setup" >&2
    exit 1
  }
}

add() { # PROGRAM [AS]: with the libraries it is linked to
  put "$1" "${2:-$1}"
  for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do # none when it is static
    put "$library" "$library"
  done
}

put() { # FILE AS
  mkdir -p "$root$(dirname "$2")"
  cp -L "$1" "$root$2"
}

copy() { # FOLDER AS TAR-OPTION...: without what the options exclude
  from=$1
  to=$2
  shift 2
  mkdir -p "$to"
  tar --directory "$(readlink -f "$from")" "$@" --create . | tar --directory "$to" --extract
}

add_busybox() { # as all its applets, and the folders and users every container has
  for folder in bin etc tmp root proc sys dev; do mkdir -p "$root/$folder"; done
  chmod 1777 "$root/tmp"
  busybox=$(program busybox)
  add "$busybox" /bin/busybox
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
}

# A package of this repository with all that it imports, below $app, and the Node.js that runs it. What Node makes of the
# sources is made once, which halves the time a container takes to start: Node looks for it by path from its folder, and by
# the flags it is started with.
add_package() { # NAME COMMAND...: packages/NAME, and how it is started from $app
  name=$1
  shift
  node=$(readlink -f "$repo/node_modules/.bin/node")
  add "$node" "$app/node_modules/.bin/node"
  mkdir -p "$root$app/node_modules/@skep" "$root$app/packages"
  put "$repo/package.json" "$app/package.json"
  (cd "$repo" && PATH=$repo/node_modules/.bin:$PATH npm ls --parseable --all --omit=dev --workspace "@skep/$name" 2>/dev/null) |
    while read -r package; do
      case $package in
        "$repo") ;;
        "$repo"/node_modules/@skep/*) add_sources "${package##*/}" "$package" ;;
        "$repo"/*)
          copy "$package" "$root$app/${package#"$repo/"}" --exclude '*.map' --exclude '*.d.*ts'
          ;;
      esac
    done
  (cd "$root$app" && NODE_COMPILE_CACHE=$PWD/node_modules/.cache/node NODE_COMPILE_CACHE_PORTABLE=1 "$@" --version >/dev/null)
}

add_sources() { # NAME PATH: without tests
  put "$2/package.json" "$app/packages/$1/package.json"
  copy "$2/src" "$root$app/packages/$1/src" --exclude '*.test.ts'
  ln -s "../../packages/$1" "$root$app/node_modules/@skep/$1"
}

finish() { # the archive
  tar --directory "$root" --numeric-owner --owner 0 --group 0 --create .
}

add_busybox # every image begins with it
