#!/bin/sh
# What `make e2e-compose` needs beside the rest, where apt can give it. The engine is not started.
set -u
missing=""
has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }
has dockerd || missing="$missing docker.io"
docker compose version >/dev/null 2>&1 || has docker-compose || missing="$missing docker-compose"
has mmdebstrap || missing="$missing mmdebstrap"
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0  # tests.containers.able says what is missing
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
echo "Installing$missing (apt-get) …"
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
exit 0
