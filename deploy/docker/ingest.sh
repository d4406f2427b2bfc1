#!/bin/sh
# Fills in deploy/nginx/rtmp.conf for a container: state in /data, nothing else written but /tmp.
set -eu
module=$(find /usr/lib/nginx /usr/share/nginx -name ngx_rtmp_module.so | head -n 1)
sed -e "s|\${modules}|load_module $module;|" -e 's|^${user}$||' -e 's|^${tls}$||' \
    -e 's|${directory}|/tmp|' -e 's|${host}|0.0.0.0|' -e 's|${port}|1935|' \
    -e 's|${recordings}|/data/recordings|' -e 's|${hls}|/data/hls|' \
    /opt/ingest/rtmp.conf >/opt/ingest/nginx.conf
