#!/bin/sh
# Installs what some extras of pyproject.toml need into /opt/rostrum, as requirements.lock has it, hashes checked.
# Where /wheels holds wheels, from there alone; else from the index that pip is set to.
set -eu
python3 docker/lock.py "$@" >/tmp/cut.lock
set -- --no-deps --only-binary :all: --require-hashes -r /tmp/cut.lock
if ls /wheels/*.whl >/dev/null 2>&1; then set -- --no-index --find-links /wheels "$@"; fi
python3 -m venv --without-pip /opt/rostrum
/opt/tools/bin/pip --python /opt/rostrum/bin/python install -q --disable-pip-version-check --no-cache-dir "$@"
rm /tmp/cut.lock
