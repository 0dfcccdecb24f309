#!/bin/sh
# npm run setup: what skep, its nodes and its tests need on Debian or Ubuntu. Installs only what is missing, so it is
# quick when nothing is; safe to repeat. Without root it leaves the Debian packages alone and says which to install.
# What is needed besides is named as the list below does: setup.sh PROGRAM:PACKAGE ...
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# program:package, for every program that is started somewhere in this repository
programs='dockerd:docker.io docker:docker.io containerd:containerd runc:runc iptables:iptables
  nft:nftables ip:iproute2 conntrack:conntrack jq:jq busybox:busybox-static curl:curl
  nsenter:util-linux unshare:util-linux flock:util-linux ps:procps tar:tar bash:bash
  docker-registry:docker-registry nginx:nginx-light perl:perl-base haproxy:haproxy
  redis-server:redis-server drill:ldnsutils openssl:openssl
  '$*

missing_packages() {
  for entry in $programs; do
    command -v "${entry%%:*}" >/dev/null 2>&1 || echo "${entry#*:}"
  done
  # what the reverse proxy's controller allocates with
  ls /usr/lib/*/libjemalloc.so.2 >/dev/null 2>&1 || echo libjemalloc2
  # a kernel with AppArmor on makes dockerd need its parser
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null || true)" = Y ]; then
    command -v apparmor_parser >/dev/null 2>&1 || echo apparmor
  fi
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# The packages, once more with fresh lists when the ones at hand are empty or too old to install from.
apt_install() {
  if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" ]; then
    apt install --no-install-recommends "$@" >"$log" 2>&1 && return 0
  fi
  say 'apt-get update'
  apt update >"$log" 2>&1 || return 1
  # Debian 13 has the docker command in a package of its own
  if [ -n "$(apt-cache --quiet=0 policy docker-cli 2>/dev/null | grep 'Candidate: [0-9]')" ]; then
    case " $* " in *' docker.io '*) set -- "$@" docker-cli ;; esac
  fi
  apt install --no-install-recommends "$@" >"$log" 2>&1
}

# What may not start by itself while packages are installed: the registry, nginx, HAProxy and Redis, which tests and containers start; and
# without systemd nothing at all, since the nodes bring their own dockerd.
policy=/usr/sbin/policy-rc.d
own_policy=
log=
clean_up() {
  [ -z "$own_policy" ] || rm -f "$policy"
  [ -z "$log" ] || rm -f "$log"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Its package has just enabled it for the next boot; only the tests start it.
disable_service() {
  systemctl disable "$1" >/dev/null 2>&1 || true
  systemctl stop "$1" >/dev/null 2>&1 || true
  update-rc.d "$1" disable >/dev/null 2>&1 || true
}

install_packages() {
  packages=$(missing_packages | sort -u | tr '\n' ' ')
  [ -n "$packages" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "not root, so these Debian packages are left out: $packages"
    say "install them with: sudo apt-get install --no-install-recommends $packages"
    return 0
  fi
  command -v apt-get >/dev/null 2>&1 || fail "missing: $packages (this is no Debian or Ubuntu: install them by hand)"
  say "installing Debian packages: $packages"
  if [ ! -e "$policy" ]; then
    own_policy=yes
    forbidden='*'
    [ ! -d /run/systemd/system ] || forbidden='docker-registry* | nginx* | haproxy* | redis*'
    printf '#!/bin/sh\ncase $1 in %s) exit 101 ;; esac\n' "$forbidden" >"$policy"
    chmod +x "$policy"
  fi
  log=$(mktemp)
  # shellcheck disable=SC2086 # a list of names
  if ! apt_install $packages; then
    cat "$log" >&2
    fail "apt-get could not install: $packages"
  fi
  for package in docker-registry nginx-light haproxy redis-server; do
    case " $packages " in *" $package "*) disable_service "${package%-light}" ;; esac
  done
  left=$(missing_packages | sort -u | tr '\n' ' ')
  [ -z "$left" ] || fail "installed, and yet programs of these packages are not found: $left"
}

install_modules() {
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say 'npm install'
    # not npm ci: it refuses a lockfile without the optional packages of every platform, and of biome's not each one is
    # in every registry; --no-save installs the locked versions and leaves the lockfile as it is; the only scripts there
    # are would compile what the tests' SDK can use for ssh, which they do not
    npm install --no-save --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error </dev/null
    touch node_modules/.package-lock.json
  fi
  [ -x node_modules/.bin/node ] ||
    fail "no Node.js in node_modules for $(uname -m): npm must install optional dependencies (x64 and arm64 have one)"
}

install_packages
install_modules
