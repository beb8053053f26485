#!/bin/sh
# Make the virtual environment $1 with $PYTHON (default: the newest of python3.13, 3.12, 3.11, python3), or say what is missing.
set -eu

venv=$1
python=${PYTHON:-python3}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! command -v "$python" >/dev/null 2>&1 || ! new_enough "$python"; then
    found=
    for candidate in python3.13 python3.12 python3.11 python3.14; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then found=$candidate; break; fi
    done
    if [ -z "$found" ]; then
        echo "crosspoint needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo 'not there')." >&2
        echo "On Debian 12+ or Ubuntu 24.04+: apt-get install python3 python3-venv. Else: make PYTHON=/path/to/python3.11 ..." >&2
        exit 1
    fi
    python=$found
fi

if [ -x "$venv/bin/python" ] && new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
rm -rf "$venv"
echo "making $venv with $("$python" --version 2>&1) ..."

if "$python" -m venv "$venv" >/dev/null 2>&1; then exit 0; fi
rm -rf "$venv"

# Debian and Ubuntu cut ensurepip out of python3 into a package of its own.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if command -v apt-get >/dev/null 2>&1; then
    as_root=
    if [ "$(id -u)" = 0 ]; then as_root=env; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"; fi
    if [ -n "$as_root" ]; then
        echo "python$version has no venv module: installing python$version-venv ..."
        $as_root apt-get update -qq || true
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "python$version-venv" >/dev/null ||
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null || true
        if "$python" -m venv "$venv"; then exit 0; fi
        rm -rf "$venv"
    fi
fi
for tool in virtualenv "uv venv --seed --python $python"; do
    if command -v "${tool%% *}" >/dev/null 2>&1 && $tool "$venv" >/dev/null 2>&1; then exit 0; fi
    rm -rf "$venv"
done
echo "'$python -m venv' does not work here. As root: apt-get install python$version-venv (or python3-venv), then run make again." >&2
exit 1
