#!/usr/bin/env bash
# Pebble, the ACME test server, from Debian: unpacked under DIR, the system's package lists untouched.
# Sid first (renewal information and profiles), then the stable suites. The mirror is the one that
# apt already uses; the signature is checked with Debian's own keyring.
# usage: fetch_pebble.sh DIR   afterwards DIR/usr/bin/pebble and DIR/usr/bin/pebble-challtestsrv exist
set -euo pipefail

dir=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1 || true)
if [ -z "$mirror" ] || [ ! -r "$keyring" ]; then
    # Ubuntu has no Debian mirror in its lists; its own archive carries an (older) pebble.
    cd "$work" && apt-get -qq download pebble
    dpkg-deb -x pebble_*.deb "$dir"
    exit 0
fi

for suite in sid trixie bookworm; do
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$mirror" "$suite" "$keyring" > "$work/only.sources"
    options=(
        -o "Dir::Etc::sourcelist=$work/only.sources" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
        -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3
    )
    apt-get "${options[@]}" -qq update || { echo "no package list of $suite; looking further" >&2; continue; }
    (cd "$work" && apt-get "${options[@]}" -qq download "pebble/$suite") || continue
    dpkg-deb -x "$work"/pebble_*.deb "$dir"
    # A binary that needs a newer libc than this machine's shows here, not in the middle of a test.
    # The whole answer first: `| grep -q` closes the pipe early, and the program's SIGPIPE then counts as a refusal.
    if [[ "$("$dir/usr/bin/pebble" -h 2>&1 || true)" == *-config* ]]; then
        echo "$suite" > "$dir/suite"
        exit 0
    fi
    echo "the pebble of $suite does not run here; looking further" >&2
    rm -f "$work"/pebble_*.deb
done
echo "pebble could not be had from $mirror" >&2
exit 1
