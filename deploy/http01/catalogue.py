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

for entries in (INPUT,):
    register(entries)
