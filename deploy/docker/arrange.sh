#!/bin/sh
# From /source to /arranged: for each image the code that it runs, compiled; nothing of the other services.
set -eu
cd /source
for service in conference_state routing scheduler mixer rtmp_egress gateway webhooks; do
    mkdir -p /arranged/$service/services
    cp -r proto kit /arranged/$service/
    cp -r services/__init__.py services/$service /arranged/$service/services/
done
cp -r web /arranged/gateway/
mkdir /arranged/standalone
cp -r proto kit services cli web deploy /arranged/standalone/
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
for image in /arranged/*; do
    mkdir "$image/rostrum-$version.dist-info"
    printf 'Metadata-Version: 2.1\nName: rostrum\nVersion: %s\n' "$version" >"$image/rostrum-$version.dist-info/METADATA"
done
python3 -m compileall -q /arranged
