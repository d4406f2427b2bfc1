#!/bin/sh
# Makes the secrets of deploy/compose.yaml, once: what is there stays. Usage: deploy/secrets.sh [DIR]
# The directory is for its owner alone; the files in it are read by the containers' users.
set -eu
umask 077
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
random() { head -c 32 /dev/urandom | base64; }
word() { random | tr -d '+/=\n'; }
make() { [ -e "$directory/$1" ] || { cat >"$directory/$1.new" && mv "$directory/$1.new" "$directory/$1"; }; }

random | make secret-key
word | make admin-token
word | make turn-secret
word | make grafana-password
users="provision operator conference_state routing scheduler mixer rtmp_egress gateway webhooks"
for user in $users; do word | make "nats-$user"; done
for user in $users; do
    printf '%s_password: "%s"\n' "$user" "$(cat "$directory/nats-$user")"
done >"$directory/nats-passwords.conf"
chmod 0700 "$directory"
chmod 0444 "$directory"/*
