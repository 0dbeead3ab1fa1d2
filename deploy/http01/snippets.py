"""Lines that let the challenge path through, whatever else stands in the block at whose top they are put."""

from deploy.http01.webroot import FOLDERS

PATH = "/" + "/".join((*FOLDERS, ""))
_PATTERN = f"^{PATH.replace('.', r'\.', 1)}"
_EXAMPLE = "/var/www/html"


def lines_for(server: str, *, name: str, webroot: str) -> str:
    """To paste, for the server that answered; both where it does not say what it is.

    `server` is what its Server header says, in lower case.
    """
    nginx = [
        f"# nginx, at the top of the server block for port 80 of {name}",
        *nginx_lines(webroot or _EXAMPLE, is_early=True),
    ]
    apache = [
        f"# Apache, at the top of the VirtualHost for port 80 of {name}; needs mod_rewrite (sudo a2enmod rewrite)",
        *apache_lines(webroot or _EXAMPLE),
    ]
    if "nginx" in server or "openresty" in server:
        return "\n".join(nginx)
    return "\n".join(apache if "apache" in server else [*nginx, "", *apache])


def nginx_lines(webroot: str, *, is_early: bool, has_location: bool = False) -> list[str]:
    """For a server block. `is_early`: something of it is worked off before a location is chosen.

    The rewrite to the same address ends that working off for this path alone. Moving the redirect into a location
    instead would let other locations answer over plain HTTP that it kept closed. What a block denies or asks a password
    for, its locations do too, unless they say otherwise.
    """
    inside = (f"root {webroot};", "default_type text/plain;", "allow all;", "auth_basic off;")
    lines = [f"location ^~ {PATH} {{", *(f"    {line}" for line in inside), "}"]
    early = [f"rewrite {_PATTERN} $uri last;"] if is_early else []
    return early if has_location else [*early, *lines]


def apache_lines(webroot: str) -> list[str]:
    """For a virtual host.

    Of mod_alias every Redirect comes before every Alias, wherever they stand, so a rule of mod_rewrite leads to the
    file first; with a path as its result mod_alias is not asked any more, and with END no .htaccess is either. What
    forbids names that begin with a dot, or asks for a password, mostly stands in a DirectoryMatch or a Location, and
    these come after every Directory; <If> comes after all of them.
    """
    folder = f"{webroot}{PATH}"
    return [
        f'Alias "{PATH}" "{folder}"',
        f'<Directory "{folder}">',
        "    AllowOverride None",
        "</Directory>",
        f'<If "%{{REQUEST_URI}} =~ m#{_PATTERN}#">',
        "    Require all granted",
        "</If>",
        "<IfModule mod_rewrite.c>",
        "    RewriteEngine On",
        f'    RewriteRule "{_PATTERN}(.*)$" "{folder}$1" [END]',
        "</IfModule>",
    ]
