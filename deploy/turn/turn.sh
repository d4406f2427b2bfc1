#!/bin/sh
# coturn as what it is for here: browsers reach mixers through it, and nobody anything else. Arguments are coturn's.
# TURN_SECRET_FILE  shared with the gateway, which makes credentials of it (ROSTRUM_TURN_SECRET_FILE)
# TURN_PEERS        where mixers are: addresses or FIRST-LAST, space separated; empty: who is in the same network of
#                   containers, but not the machine in front of it
# TURN_ROUTES       for tests: instead of /proc/net/route
set -eu
umask 077

dotted() { echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"; }
# The table has addresses as a little-endian machine has them in memory.
number() { echo "$((0x$(echo "$1" | sed 's/\(..\)\(..\)\(..\)\(..\)/\4\3\2\1/')))"; }
range() { [ "$1" -gt "$2" ] || echo "$(dotted "$1")-$(dotted "$2")"; }

neighbours() {
    gateway=0
    while read -r _ to via _ _ _ _ mask _; do
        if [ "$to$mask" = 0000000000000000 ]; then gateway=$(number "$via"); fi
    done <"$1"
    while read -r _ to via _ _ _ _ mask _; do
        if [ "$via" != 00000000 ] || [ "$mask" = 00000000 ]; then continue; fi
        network=$(number "$to")
        last=$((network + 4294967295 - $(number "$mask") - 1))
        # The first address of a bridge is the machine's own, also where nothing leads out.
        first=$((network + 2))
        if [ "$gateway" -ge "$first" ] && [ "$gateway" -le "$last" ]; then
            range "$first" $((gateway - 1))
            first=$((gateway + 1))
        fi
        range "$first" "$last"
    done <"$1"
}

peers=${TURN_PEERS:-$(neighbours "${TURN_ROUTES:-/proc/net/route}")}
[ -n "$peers" ] || { echo "turn: set TURN_PEERS: no network of containers is found here" >&2; exit 2; }
conf=${TMPDIR:-/tmp}/turn.conf
{
    printf 'static-auth-secret=%s\n' "$(cat "$TURN_SECRET_FILE")"
    echo "denied-peer-ip=0.0.0.0-255.255.255.255"
    echo "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    for peer in $peers; do echo "allowed-peer-ip=$peer"; done
    # A browser asks by UDP and by TCP, of each of its addresses, and again when its network changes.
    cat <<END
use-auth-secret
realm=${TURN_REALM:-rostrum}
user-quota=16
stale-nonce=600
fingerprint
no-tls
no-dtls
no-cli
no-tcp-relay
no-multicast-peers
no-rfc5780
log-file=stdout
simple-log
pidfile=${TMPDIR:-/tmp}/turn.pid
userdb=${TMPDIR:-/tmp}/turn.db
END
} >"$conf"
exec turnserver -c "$conf" "$@"
