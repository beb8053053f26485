#!/bin/sh
# Install the real phones and testers that the peer tests use. What cannot be had is named; with CI=true that is a failure.
set -eu

missing=
package_of() {
    case $1 in
        baresip) echo "baresip-core" ;;
        linphonec) echo "linphone-cli" ;;
        sipp) echo "sip-tester" ;;
        postgres) echo "postgresql" ;;
        chromium) echo "chromium" ;;
        espeak-ng) echo "espeak-ng" ;;
        openssl) echo "openssl" ;;
    esac
}
# Debian keeps the server's programs out of the path.
is_there() {
    command -v "$1" >/dev/null 2>&1 || { [ "$1" = postgres ] && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
}
for program in baresip linphonec sipp postgres chromium espeak-ng openssl; do
    is_there "$program" || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" = 0 ]; then as_root=env; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"; fi
if command -v apt-get >/dev/null 2>&1 && [ -n "$as_root" ]; then
    echo "installing peers:$missing"
    $as_root apt-get update -qq || true
    for program in $missing; do
        # One by one: a package that this release lacks must not keep the others away.
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$(package_of "$program")" >/dev/null 2>&1 || true
    done
fi

absent=
for program in baresip linphonec sipp postgres chromium espeak-ng openssl; do
    is_there "$program" || absent="$absent $program($(package_of "$program"))"
done
if [ -n "$absent" ]; then
    echo "*** peers that could not be had:$absent" >&2
    echo "*** their tests are SKIPPED; as root: apt-get install the packages in brackets" >&2
    [ "${CI:-}" != true ] || { echo "*** CI=true: a missing peer is a failure" >&2; exit 1; }
fi
