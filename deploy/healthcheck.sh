#!/usr/bin/env bash
# Whether the server in this container serves: the first line of /readyz is "ready". Needs nothing but bash.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${1:-8080}"
printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
