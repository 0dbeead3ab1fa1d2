"""Words of what can be wrong with HTTP-01: what was typed, what the server lacks, what our own look found."""

from config.lib.errors import Entry, register

INPUT = {
    "webroot_not_allowed": Entry(
        "{path} cannot be the webroot",
        "It has to be an absolute path of letters, digits and . _ @ + - / without .., none of the system's own "
        "directories, and without /.well-known/acme-challenge at its end.",
        "Use the folder that your web server serves, such as /var/www/html.",
    ),
    "listener_port_not_allowed": Entry(
        "{port} is no port",
        "Ports are numbers from 1 to 65535.",
        "Let's Encrypt asks port 80; use another one only behind a forward from port 80.",
    ),
    "http01_both_ways": Entry(
        "A webroot and the standalone listener exclude each other",
        "Either a web server on this host serves the token, or the portal's own listener does, and both would want "
        "port 80.",
        "Keep the webroot where a web server runs; clear it where none does.",
    ),
}

SERVERS = {
    "webroot_led_away": Entry(
        "{path} on {host} leads out of the webroot",
        "There is a link where a folder should be. Whoever may write into the webroot could have put it there, so "
        "nothing is written through it.",
        "Remove the link, or enter the folder that it leads to as the webroot.",
        "ls -la {path}",
    ),
    "listener_needs_shell": Entry(
        "{username} may not run commands on {host}, so no listener can be started",
        "The account is for SFTP only. The standalone listener is a program that has to be run.",
        "Use a webroot, which SFTP alone can fill, or give the account a shell.",
        "sudo usermod --shell /bin/bash {username}",
    ),
    "listener_no_python": Entry(
        "There is neither python3 nor python on {host}",
        "The standalone listener is a small Python program.",
        "Install Python there, or use a webroot.",
        "sudo apt-get install python3-minimal   # or: sudo dnf install python3",
    ),
    "listener_no_sudo": Entry(
        "There is no sudo on {host}",
        "Use sudo for the listener is on, and {username} finds no sudo there.",
        "Turn Use sudo for the listener off and choose another way to port 80, or install sudo.",
        "command -v sudo   # as {username}",
    ),
    "listener_port_taken": Entry(
        "Port {port} on {host} is taken by {holder}",
        "The standalone listener is for hosts on which nothing else listens there.",
        "A web server that runs can answer itself: clear Use standalone HTTP listener and enter its webroot. Otherwise "
        "stop what listens.",
        "sudo ss -tlnp 'sport = :{port}'",
    ),
    "listener_denied": Entry(
        "{username} may not listen on port {port} of {host}",
        "Ports below 1024 belong to root.",
        "Choose one: sudo (check Use sudo for the listener and add the line), the capability for Python once, or a "
        "forward from port 80 with 8080 as the listener's port.",
        "# by sudo, with visudo -f /etc/sudoers.d/managemycert-listener; whoever may run Python as root is root\n"
        "{username} ALL=(root) NOPASSWD: /usr/bin/python3 -\n"
        "Defaults:{username} !requiretty\n"
        "# or once: sudo setcap cap_net_bind_service=+ep $(readlink -f $(command -v python3))\n"
        "# or: sudo iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-port 8080",
    ),
    "listener_needs_rule": Entry(
        "{username} may not start the listener by sudo on {host}",
        "sudo said: {output}",
        "Add these lines on the server, or choose another way to port 80.",
        "# with visudo -f /etc/sudoers.d/managemycert-listener; whoever may run Python as root is root\n"
        "{username} ALL=(root) NOPASSWD: /usr/bin/{interpreter} -\n"
        "Defaults:{username} !requiretty",
    ),
    "listener_failed": Entry(
        "The listener did not start on {host}",
        "It said: {output}",
        "Run python3 -c 'print(1)' there as {username}; it has to print 1 and nothing else.",
    ),
    "listener_busy": Entry(
        "Another certificate is being validated on port {port} of {host}",
        "One listener of ours at a time has the port.",
        "The portal goes on by itself in some seconds.",
    ),
    "listener_not_stopped": Entry(
        "The listener on port {port} of {host} did not say that it has ended",
        "Asked to end, what listens there said: {output}",
        "The portal asks again by itself, and the listener ends by itself five minutes after its start.",
    ),
}

_FIREWALL = "sudo ss -tlnp 'sport = :{port}'\nsudo ufw status; sudo nft list ruleset | grep -n 'dport'"
LOOKS = {
    "http01_timeout": Entry(
        "Let's Encrypt could not reach port {port} of {name}",
        "local probe failed: {underlying}. A timeout almost always means that a firewall drops the packets.",
        "Let everybody in on that port: at the provider's firewall or security group, and on the host.",
        _FIREWALL,
    ),
    "http01_refused": Entry(
        "Let's Encrypt could not reach port {port} of {name}",
        "local probe failed: {underlying}. The host answers, and nothing listens there.",
        "Start the web server, use the standalone listener where there is none, or check that {name} leads to the "
        "first server.",
        "sudo ss -tlnp 'sport = :{port}'",
    ),
    "http01_unreachable": Entry(
        "Let's Encrypt could not reach port {port} of {name}",
        "local probe failed: {underlying}. There is no way to the host.",
        "Check that the A and AAAA records of {name} lead to the first server.",
        "dig {name} A +short; dig {name} AAAA +short",
    ),
    "http01_slow": Entry(
        "Could not fetch {url}",
        "local probe failed: {underlying}. It was connected, and no answer came in time.",
        "Look for what keeps the server from answering plain HTTP; a CA waits 10 seconds.",
        "curl -sv -m 10 {url}",
    ),
    "http01_broken": Entry(
        "Could not fetch {url}",
        "local probe failed: {underlying}. What listens there does not speak HTTP, or ends the connection.",
        "Let a web server or the standalone listener answer on that port.",
        "curl -sv {url}",
    ),
    "http01_no_address": Entry(
        "{name} leads nowhere",
        "local probe failed: {underlying}.",
        "Add an A or AAAA record that leads to the first server.",
        "dig {name} A +short; dig {name} AAAA +short",
    ),
    "http01_redirected": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. {then} {way}",
        "Leave the challenge path out of the redirect on port 80, reload, and try again.",
        "{lines}",
    ),
    "http01_not_found": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. The token lies in {webroot}, and the site is served from another folder. {way}",
        "Enter the folder that is served for {name} on port 80 as the webroot, or add these lines.",
        "{lines}",
    ),
    "http01_forbidden": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. A rule forbids the path, often one against names that begin with a dot, or the "
        "web server may not pass a folder above {webroot}. {way}",
        "Allow the path, and let everybody pass the folders above it.",
        "# in a shell, who may pass: namei -l {webroot}/.well-known/acme-challenge\n{lines}",
    ),
    "http01_default_site": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. The server's default site answers: it has no site called {name} on port 80. {way}",
        "Add a site for {name} on port 80 (server_name, ServerName), or enter the default site's webroot.",
        "{lines}",
    ),
    "http01_wrong_body": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}, with something else than the token: {seen}. An application answers for every "
        "path, or {name} leads to another server. {way}",
        "Serve the path from the webroot before the application sees it.",
        "{lines}",
    ),
    "http01_cdn": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. {cdn} stands in between and gave this answer. {way}",
        "Let it pass /.well-known/acme-challenge/ on to your server unchanged and uncached, or renew by Let's Encrypt "
        "(DNS), which needs no port.",
        "curl -sI {url}",
    ),
    "http01_server_error": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. The web server has a problem of its own. {way}",
        "Look into its error log, and serve the path from the webroot before anything else.",
        "{lines}",
    ),
    "http01_status": Entry(
        "Could not fetch {url}",
        "Underlying: {underlying}. A CA takes HTTP 200 with the token and nothing else. {way}",
        "Serve the path from the webroot before anything else.",
        "{lines}",
    ),
}

for entries in (INPUT, SERVERS, LOOKS):
    register(entries)
