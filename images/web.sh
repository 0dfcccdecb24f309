#!/bin/sh
# A root file system for trying networks out, as a tar archive on standard output: busybox, nginx, and a program that says
# who answers and who asked. nginx (port 80, keep-alive) answers "HOSTNAME CLIENT-ADDRESS", below /demo "HOSTNAME
# X-FORWARDED-FOR PATH"; `whoami PORT...` answers
# "HOSTNAME CLIENT-ADDRESS:PORT" to every TCP connection and UDP packet, and echoes the lines that follow.
#   sh images/import.sh web web:local
set -eu
if [ "${1:-}" = --changes ]; then
  echo 'CMD ["nginx"]'
  exit
fi
here=$(dirname "$(readlink -f -- "$0")")
. "$here/rootfs.sh"

nginx=$(program nginx)
add "$(readlink -f "$nginx")"
[ "$nginx" = "$(readlink -f "$nginx")" ] || ln -sf "$(readlink -f "$nginx")" "$root/bin/nginx"
[ -e "$root/bin/nginx" ] || ln -s "$nginx" "$root/bin/nginx"
add /usr/bin/perl
modules=$(perl -e 'print grep { /perl-base$/ } @INC')
mkdir -p "$root$modules"
cp -rL "$modules/." "$root$modules"

mkdir -p "$root/etc/nginx" "$root/var/log/nginx" "$root/var/lib/nginx" "$root/run" "$root/usr/local/bin"
cat >"$root/etc/nginx/nginx.conf" <<'CONF'
user root;
worker_processes 1;
daemon off;
pid /run/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  server {
    listen 80 default_server backlog=4096;
    location / { default_type text/plain; return 200 "$hostname $remote_addr\n"; }
    location /demo { default_type text/plain; return 200 "$hostname $http_x_forwarded_for $request_uri\n"; }
    location /big { alias /big; }
  }
}
CONF
cat >"$root/usr/local/bin/whoami" <<'PERL'
#!/usr/bin/perl
use strict;
use warnings;
use Socket;
use IO::Select;

$| = 1;
my $name = do { open my $file, '<', '/proc/sys/kernel/hostname' or die; my $line = <$file>; chomp $line; $line };
my $select = IO::Select->new;
my (%listens, %datagrams);
sub peer { my ($port, $address) = sockaddr_in(shift); inet_ntoa($address) . ":$port" }

for my $port (@ARGV) {
  socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die;
  setsockopt($tcp, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($tcp, sockaddr_in($port, INADDR_ANY)) or die "bind tcp $port: $!";
  listen($tcp, 1024) or die;
  socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die;
  bind($udp, sockaddr_in($port, INADDR_ANY)) or die "bind udp $port: $!";
  $listens{$tcp} = 1;
  $datagrams{$udp} = 1;
  $select->add($tcp, $udp);
}
$SIG{TERM} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';
while (my @ready = $select->can_read) {
  for my $socket (@ready) {
    if ($listens{$socket}) {
      my $from = accept(my $client, $socket) or next;
      syswrite $client, "$name " . peer($from) . "\n";
      $select->add($client);
    } elsif ($datagrams{$socket}) {
      my $from = recv($socket, my $text, 65535, 0) // next;
      send($socket, "$name " . peer($from) . " " . length($text) . "\n", 0, $from);
    } elsif (sysread $socket, my $text, 65535) {
      syswrite $socket, $text;
    } else {
      $select->remove($socket);
      close $socket;
    }
  }
}
PERL
chmod +x "$root/usr/local/bin/whoami"
finish
