#!/bin/sh
# Sees to it that nats-server, nginx with its rtmp module, libsrt and a font are there (and chromium,
# prometheus and coturn, if `tests` is said behind it): by apt where that is possible, otherwise with a sentence that says what to
# install. Never stops the caller: what is missing is said again, by name, by whoever needs it.
set -u
PATH="$PATH:/usr/sbin:/sbin"

packages=""
command -v nats-server >/dev/null || packages="$packages nats-server"
command -v nginx >/dev/null || packages="$packages nginx-light"
modules="/usr/lib/nginx/modules /usr/share/nginx/modules /usr/lib64/nginx/modules"
has() { for d in $modules; do [ -e "$d/$1" ] && return 0; done; return 1; }
has ngx_rtmp_module.so || packages="$packages libnginx-mod-rtmp"
has ngx_stream_module.so || packages="$packages libnginx-mod-stream"
# Names and screens are written in it; elsewhere in what Pillow brings, which is not so well cut.
font=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
[ -e "$font" ] || fc-list : file 2>/dev/null | grep -q DejaVuSans.ttf || packages="$packages fonts-dejavu-core"
# For the tests of the pages and of what is told to Prometheus, so only where `make test` asks for it.
if [ "${1:-}" = tests ]; then
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || packages="$packages chromium"
    command -v promtool >/dev/null && command -v prometheus >/dev/null || packages="$packages prometheus"
    command -v turnserver >/dev/null || packages="$packages coturn"
fi
# For srt:// only, so it is wanted only where apt can give it; elsewhere `rostrum doctor` tells.
srt=libsrt1.5-gnutls
if ldconfig -p 2>/dev/null | grep -q 'libsrt\(-gnutls\|-openssl\)\?\.so\.1\.[45]'; then srt=""; fi
has_srt() { [ -n "$srt" ] && apt-cache show "$srt" >/dev/null 2>&1; }
if has_srt; then packages="$packages $srt" srt=""; fi
[ -n "$packages" ] || exit 0

say() {
    echo "Rostrum wants:$packages." >&2
    echo "Install them (Debian, Ubuntu: sudo apt-get install$packages;" >&2
    echo "elsewhere: nats-server from nats.io, nginx with the rtmp and stream modules) and try again." >&2
    echo "Without nats-server nothing runs; without nginx a stand-in built on libav takes its place;" >&2
    echo "without libsrt nobody can take part by srt://; chromium, prometheus and coturn are for tests." >&2
}

command -v apt-get >/dev/null || { say; exit 0; }
if [ "$(id -u)" = 0 ]; then as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
else say; exit 0
fi

# Debian starts what it installs; we only want the programs, not servers on ports 80 and 4222.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod +x "$policy"
    trap '$as_root rm -f "$policy"' EXIT
fi
echo "Installing$packages (apt-get) …"
$as_root apt-get update -qq >/dev/null || { say; exit 0; }
if has_srt; then packages="$packages $srt"; fi  # on a new machine apt knows nothing before
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $packages >/dev/null || say
exit 0
