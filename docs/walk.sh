#!/usr/bin/env bash
# The main job by REST API, with nothing but curl, jq and unzip: from a host name to a certificate
# that is seen being served. Everything comes from the environment:
#
#   PORTAL       https://certs.example.org
#   TOKEN        mmc_…, an API token with the scopes read, write and keys
#   SITE         shop.example.org, and PORT (443) where it serves TLS
#   NAMES        further names for the certificate, separated by spaces ("www.shop.example.org *.shop.example.org")
#   SSH_HOST SSH_PORT SSH_USER SSH_KEY_FILE      how to reach the server
#   CERT_DIR     the certificate directory on it, which SSH_USER may write
#   RELOAD       the command that makes it load the new files ("sudo -n systemctl reload nginx")
#   HOST_KEY     the server's host key as you know it (SHA256:…, from `ssh-keygen -lf` on the server)
#   PUBLISH_TXT  a command that is called with NAME and VALUE and publishes that TXT record;
#                without it the record is printed and Enter is awaited
set -euo pipefail

: "${PORTAL:?}" "${TOKEN:?}" "${SITE:?}" "${SSH_HOST:?}" "${SSH_USER:?}" "${SSH_KEY_FILE:?}" "${CERT_DIR:?}" "${RELOAD:?}" "${HOST_KEY:?}"
PORT=${PORT:-443} SSH_PORT=${SSH_PORT:-22} NAMES=${NAMES:-}

say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }
die() { say "$*"; exit 1; }

# api METHOD PATH [JSON]: the answer's body; a refusal is shown as the portal words it.
api() {
    local answer status
    answer=$(curl --silent --show-error --noproxy '*' --request "$1" --write-out '\n%{http_code}' \
        --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' \
        ${3:+--data "$3"} "$PORTAL/api$2")
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    [ "$status" -lt 400 ] || die "$1 $2: $status $(jq -r '.code, .detail, .fix' <<< "$answer" | paste -sd ' ')"
    printf '%s\n' "$answer"
}

# wait_for PATH FILTER: polls until the jq filter says true; prints the last answer.
wait_for() {
    local answer deadline=$((SECONDS + 300))
    until answer=$(api GET "$1") && jq -e "$2" <<< "$answer" > /dev/null; do
        [ $SECONDS -lt $deadline ] || die "still waiting for $1: $(jq -c '.state, .error' <<< "$answer")"
        sleep 1
    done
    printf '%s\n' "$answer"
}

publish() {
    if [ -n "${PUBLISH_TXT:-}" ]; then
        $PUBLISH_TXT "$1" "$2"
    else
        printf '\nPublish this record, then press Enter:\n  %s  TXT  %s\n' "$1" "$2" >&2
        read -r
    fi
}

say "adding $SITE"
domain=$(api POST /domains "$(jq -n --arg h "$SITE" --argjson p "$PORT" '{hostname: $h, port: $p}')" | jq -r .id)
inspection=$(wait_for "/domains/$domain" '.inspection != null')
say "it serves: $(jq -r '.inspection | "\(.subject // "nothing") until \(.not_after // "-")"' <<< "$inspection")"

say "proving ownership"
publish "$(jq -r .verification.txt.name <<< "$inspection")" "$(jq -r .verification.txt.value <<< "$inspection")"
api POST "/domains/$domain/verify" '{}' > /dev/null
wait_for "/domains/$domain" .verified > /dev/null

say "starting an issuance"
names=$(jq -n --arg all "$SITE $NAMES" '{names: ($all | split(" ") | map(select(. != "")))}')
issuance=$(api POST "/domains/$domain/issuances" "$names" | jq -r .id)
records=$(wait_for "/issuances/$issuance" '(.records | length) > 0 or .state == "failed"')
while IFS=$'\t' read -r name value; do
    publish "$name" "$value"
done < <(jq -r '.records[] | [.fqdn, .value] | @tsv' <<< "$records")

say "issuing"
api POST "/issuances/$issuance/issue" '{}' > /dev/null
issued=$(wait_for "/issuances/$issuance" '.state == "issued" or .state == "failed"')
[ "$(jq -r .state <<< "$issued")" = issued ] || die "not issued: $(jq -c .error <<< "$issued")"
certificate=$(jq -r '.certificate | if type == "object" then .id else . end' <<< "$issued")
fingerprint=$(api GET "/certificates/$certificate" | jq -r .fingerprint_sha256)
say "issued: SHA-256 $fingerprint"

say "downloading it"
umask 077
curl --silent --show-error --fail --noproxy '*' --header "Authorization: Bearer $TOKEN" \
    --output bundle.zip "$PORTAL/api/certificates/$certificate/bundle.zip"
unzip -o -q bundle.zip -d bundle

say "adding the server and looking at its host key"
target=$(api POST "/domains/$domain/targets" "$(jq -n \
    --arg host "$SSH_HOST" --argjson port "$SSH_PORT" --arg user "$SSH_USER" --rawfile key "$SSH_KEY_FILE" \
    --arg directory "$CERT_DIR" --arg reload "$RELOAD" --argjson look "$PORT" \
    '{host: $host, port: $port, username: $user, private_key: $key, certificate_directories: [$directory],
      reload_commands: [$reload], verify_ports: [$look]}')" | jq -r .id)

# run_test: the test's run when it has ended.
run_test() {
    local run
    run=$(api POST "/targets/$target/test" '{}')
    case $(jq -r '.state // "waiting"' <<< "$run") in
        waiting | running) wait_for "/runs/$(jq -r .id <<< "$run")" '.state != "waiting" and .state != "running"' ;;
        *) printf '%s\n' "$run" ;;
    esac
}
seen=$(run_test | jq -r .host_key_fingerprint)
[ "$seen" = "$HOST_KEY" ] || die "the server shows host key $seen, and you expected $HOST_KEY"
api POST "/targets/$target/trust" "$(jq -n --arg f "$seen" '{fingerprint: $f}')" > /dev/null
tested=$(run_test)
[ "$(jq -r .ok <<< "$tested")" = true ] || die "the test failed: $(jq -c .error <<< "$tested")"

say "deploying"
deployment=$(api POST "/domains/$domain/deployments" '{}' | jq -r .id)
deployed=$(wait_for "/deployments/$deployment" '.state != "running"')
served=$(jq -r '.targets[0].served_fingerprint_sha256' <<< "$deployed")
[ "$(jq -r .state <<< "$deployed")" = deployed ] || die "not deployed: $(jq -c .targets <<< "$deployed")"
[ "$served" = "$fingerprint" ] || die "served is $served, issued was $fingerprint"
say "done: $SITE serves the new certificate"
printf '%s\n' "$fingerprint"
