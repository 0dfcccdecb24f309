#!/bin/sh
# The reverse proxy as an image, as a tar archive on standard output: this machine's HAProxy, busybox, the Node.js of this
# repository and the controller's sources. Without any registry, into the engine of this machine or of DOCKER_HOST:
#   sh images/import.sh proxy skep/proxy
set -eu
here=$(dirname "$(readlink -f -- "$0")")
repo=$(dirname "$here")
PATH=$PATH:/usr/sbin:/sbin

if [ "${1:-}" = --changes ]; then
  cat <<'CHANGES'
ENTRYPOINT ["/usr/local/bin/skep-proxy"]
CMD ["server"]
EXPOSE 80/tcp
EXPOSE 443/tcp
EXPOSE 8080/tcp
HEALTHCHECK --interval=5s --timeout=10s CMD ["wget","-q","-O","/dev/null","http://127.0.0.1:8080/v1/docker-flow-proxy/ping"]
CHANGES
  exit
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
sh "$here/busybox.sh" | tar --directory "$root" --extract

add() { # PROGRAM [AS]: with the libraries it is linked to
  mkdir -p "$root$(dirname "${2:-$1}")"
  cp -L "$1" "$root${2:-$1}"
  for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
}
haproxy=$(command -v haproxy) || {
  echo 'haproxy is not installed: npm run setup' >&2
  exit 1
}
add "$haproxy" /usr/local/sbin/haproxy
node=$(readlink -f "$repo/node_modules/.bin/node")
app=/opt/skep
mkdir -p "$root$app/node_modules/.bin" "$root$app/node_modules/@skep" "$root$app/packages" "$root$app/bin"
add "$node" "$app/node_modules/.bin/node"
cp "$repo/bin/skep-proxy" "$root$app/bin/"
cp "$repo/package.json" "$root$app/"

# the packages that the controller consists of, without their tests, and what they are made of
cd "$repo"
PATH=$repo/node_modules/.bin:$PATH npm ls --parseable --all --omit=dev --workspace @skep/proxy 2>/dev/null |
  while read -r package; do
    case $package in
      "$repo") ;;
      "$repo"/node_modules/@skep/*)
        name=${package##*/}
        mkdir -p "$root$app/packages/$name"
        cp "$package/package.json" "$root$app/packages/$name/"
        tar --directory "$(readlink -f "$package")" --exclude '*.test.ts' --create src |
          tar --directory "$root$app/packages/$name" --extract
        ln -s "../../packages/$name" "$root$app/node_modules/@skep/$name"
        ;;
      "$repo"/*)
        mkdir -p "$root$app/$(dirname "${package#"$repo/"}")"
        cp -rL "$package" "$root$app/${package#"$repo/"}"
        ;;
    esac
  done

mkdir -p "$root/usr/local/bin" "$root/cfg/tmpl" "$root/certs" "$root/errorfiles" "$root/run/secrets" "$root/var"
ln -s /run "$root/var/run"
ln -s "$app/bin/skep-proxy" "$root/usr/local/bin/skep-proxy"
ln -s skep-proxy "$root/usr/local/bin/docker-flow-proxy" # as stacks of the original start it
cp "$repo"/packages/proxy/errorfiles/*.http "$root/errorfiles/"
# starting then takes half of the time: what Node makes of the sources is made once
NODE_COMPILE_CACHE=$root$app/node_modules/.cache/node "$root$app/node_modules/.bin/node" \
  --disable-warning=ExperimentalWarning "$root$app/packages/proxy/src/main.ts" --version >/dev/null
tar --directory "$root" --numeric-owner --owner 0 --group 0 --create .
