#!/bin/sh
# A small root file system for containers, as a tar archive on standard output: this machine's busybox under the names of
# all its applets. For trying things out without a registry:
#   sh images/import.sh busybox busybox:local
set -eu
if [ "${1:-}" = --changes ]; then
  echo 'CMD ["sh"]'
  exit
fi
busybox=$(command -v busybox) || {
  echo 'busybox is not installed: npm run setup' >&2
  exit 1
}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
for folder in bin etc tmp root proc sys dev; do mkdir "$root/$folder"; done
chmod 1777 "$root/tmp"
cp -L "$busybox" "$root/bin/busybox"
for library in $(ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' || true); do # none when it is static
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
tar --directory "$root" --numeric-owner --owner 0 --group 0 --create .
