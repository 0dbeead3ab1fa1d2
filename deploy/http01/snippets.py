"""Lines that let the challenge path through, for the server that answered; both where it does not say what it is."""

from deploy.http01.webroot import FOLDERS

_NGINX = """\
# nginx, in the server block for port 80 of {name}
location ^~ /.well-known/acme-challenge/ {{
    root {webroot};
    default_type "text/plain";
    try_files $uri =404;
}}
# and the redirect inside of: location / {{ return 301 https://$host$request_uri; }}"""
_APACHE = """\
# Apache, in the VirtualHost *:80 of {name}
Alias {path} {webroot}{path}
<Directory {webroot}{path}>
    Require all granted
</Directory>
RewriteEngine on
RewriteCond %{{REQUEST_URI}} !^/\\.well-known/acme-challenge/
RewriteRule ^ https://%{{HTTP_HOST}}%{{REQUEST_URI}} [R=301,L]"""
_EXAMPLE = "/var/www/html"


def lines_for(server: str, *, name: str, webroot: str) -> str:
    """`server` is what its Server header says, in lower case."""
    path = "/" + "/".join(FOLDERS)
    filled = {"name": name, "webroot": webroot or _EXAMPLE, "path": path}
    nginx, apache = _NGINX.format(**filled), _APACHE.format(**filled)
    if "nginx" in server or "openresty" in server:
        return nginx
    return apache if "apache" in server else f"{nginx}\n\n{apache}"
