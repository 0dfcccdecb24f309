#!/bin/sh
# The reverse proxy as an image, as a tar archive on standard output: this machine's HAProxy, busybox, the Node.js of this
# repository and the controller's sources. Without any registry, into the engine of this machine or of DOCKER_HOST:
#   sh images/import.sh proxy skep/proxy
set -eu
if [ "${1:-}" = --changes ]; then
  cat <<'CHANGES'
ENTRYPOINT ["/usr/local/bin/skep-proxy"]
CMD ["server"]
EXPOSE 80/tcp
EXPOSE 443/tcp
EXPOSE 8080/tcp
HEALTHCHECK --interval=2s --timeout=10s CMD ["wget","-q","-O","/dev/null","http://127.0.0.1:8080/v1/docker-flow-proxy/ping"]
CHANGES
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"
add "$(program haproxy)" /usr/local/sbin/haproxy
for library in /usr/lib/*/libjemalloc.so.2; do add "$library"; done
put "$repo/bin/skep-proxy" "$app/bin/skep-proxy"
add_package proxy bin/skep-proxy
mkdir -p "$root/usr/local/bin" "$root/cfg/tmpl" "$root/certs" "$root/errorfiles" "$root/run/secrets" "$root/var"
ln -s /run "$root/var/run"
ln -s "$app/bin/skep-proxy" "$root/usr/local/bin/skep-proxy"
ln -s skep-proxy "$root/usr/local/bin/docker-flow-proxy" # as stacks of the original start it
cp "$repo"/packages/proxy/errorfiles/*.http "$root/errorfiles/"
finish
