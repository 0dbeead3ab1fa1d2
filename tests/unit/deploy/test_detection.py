"""Configurations as distributions and people write them, and what is suggested from them."""

import time
from dataclasses import replace
from typing import Any

import pytest

from deploy.detection import apache, nginx, others
from deploy.detection.reading import MAX_FOLDERS, MAX_SIZE, Reader
from deploy.detection.running import of_configurations, of_processes
from deploy.detection.sites import Found, Running, Site, best_site, plain_site
from deploy.detection.suggesting import suggest
from deploy.ssh.files import Entry


class Files:
    """A server's files in memory, as Reader asks for them."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def read(self, path: str) -> bytes | None:
        return self.texts[path].encode() if path in self.texts else None

    def entry(self, path: str) -> Entry | None:
        return Entry("file", 0o644, 0, 1) if path in self.texts else None

    def names(self, folder: str, most: int) -> list[str]:
        below = [path.removeprefix(f"{folder}/") for path in self.texts if path.startswith(f"{folder}/")]
        return sorted({name.partition("/")[0] for name in below})[:most]


def reader_of(texts: dict[str, str]) -> Reader:
    files: Any = Files(texts)
    return Reader(files)


NGINX = {
    "/etc/nginx/nginx.conf": """
        user www-data; # a comment with ; and }
        http {
            ssl_certificate /etc/nginx/default.pem; ssl_certificate_key "/etc/nginx/default key.pem";
            root /var/www/html;
            include /etc/nginx/conf.d/*.conf;
            include sites-enabled/*;
        }
        stream { server { listen 9443 ssl; ssl_certificate tls/a.pem; ssl_certificate_key tls/a.key; } }
    """,
    "/etc/nginx/sites-enabled/shop": """
        server { listen 80; listen [::]:80; server_name shop.example.net; return 301 https://$host$request_uri; }
        server {
            listen 443 ssl http2; listen [::]:443 ssl; server_name shop.example.net *.shop.example.net;
            ssl_certificate /srv/tls/shop/fullchain.pem; ssl_certificate_key /srv/tls/shop/privkey.pem;
            location / { root /srv/www/shop; }
        }
        server { listen 443 ssl; server_name $hostname; ssl_certificate $ssl_server_name.pem; }
    """,
    "/etc/nginx/conf.d/status.conf": "server { listen 127.0.0.1:8080; server_name _; }",
    "/etc/nginx/conf.d/old.bak": "server { listen 1; }",
}


def test_nginx_is_read_with_its_includes_and_what_is_inherited() -> None:
    sites = nginx.read_sites(reader_of(NGINX), "/etc/nginx/nginx.conf")
    shop = best_site(sites, "shop.example.net", 443)
    assert shop == Site(
        "nginx", "/etc/nginx/sites-enabled/shop", ("shop.example.net", "*.shop.example.net"), (443, 443),
        "/var/www/html", "/srv/tls/shop/fullchain.pem", "/srv/tls/shop/privkey.pem",
    )  # fmt: skip
    assert best_site(sites, "a.shop.example.net", 443) == shop
    assert best_site(sites, "mail.example.org", 9443) == Site(
        "nginx", "/etc/nginx/nginx.conf", (), (9443,), "", "/etc/nginx/tls/a.pem", "/etc/nginx/tls/a.key"
    )
    assert [site.names for site in sites if 8080 in site.ports] == [()]
    assert not any(1 in site.ports for site in sites), "old.bak is not included"


@pytest.mark.parametrize(
    "text", ["", "server {", "}}}}", 'a "b', "include /etc/nginx/nginx.conf;", "http {" * 500, "\\"]
)
def test_what_is_no_configuration_is_no_error(text: str) -> None:
    reader = reader_of({"/etc/nginx/nginx.conf": text, "/a": text})
    assert not any(site.certificate or site.names for site in nginx.read_sites(reader, "/etc/nginx/nginx.conf"))
    assert apache.read_sites(reader_of({"/a": text}), "/a") == []


APACHE = {
    "/etc/apache2/apache2.conf": """
ServerRoot "/etc/apache2"
Define WWW /srv/www
IncludeOptional mods-enabled/*.conf
IncludeOptional sites-enabled/*.conf
""",
    "/etc/apache2/sites-enabled/shop.conf": r"""
<VirtualHost *:80>
    ServerName shop.example.net
    DocumentRoot ${WWW}/shop
</VirtualHost>
<IfModule mod_ssl.c>
<VirtualHost _default_:443 [::]:443>
    ServerName shop.example.net
    ServerAlias www.shop.example.net \
        old.example.net
    DocumentRoot ${WWW}/shop
    SSLEngine on
    SSLCertificateFile      ssl/shop.crt
    SSLCertificateKeyFile   ssl/shop.key
    SSLCertificateChainFile ssl/shop.ca
</VirtualHost>
</IfModule>
""",
}


def test_apache_is_read_with_variables_continued_lines_and_relative_paths() -> None:
    plain, secure = apache.read_sites(reader_of(APACHE), "/etc/apache2/apache2.conf")
    assert (plain.root, plain.certificate, plain.ports) == ("/srv/www/shop", "", (80,))
    assert secure == Site(
        "Apache", "/etc/apache2/sites-enabled/shop.conf",
        ("shop.example.net", "www.shop.example.net", "old.example.net"), (443, 443), "/srv/www/shop",
        "/etc/apache2/ssl/shop.crt", "/etc/apache2/ssl/shop.key", "/etc/apache2/ssl/shop.ca",
    )  # fmt: skip


def test_other_servers_name_their_certificate_in_a_line() -> None:
    texts = {
        "/h": "frontend a\n  bind *:443 ssl crt /etc/haproxy/site.pem alpn h2\n",
        "/p": "smtpd_tls_chain_files = /etc/postfix/key.pem, /etc/postfix/full.pem\n",
        "/q": "smtpd_tls_cert_file=/etc/ssl/mail.pem\nsmtpd_tls_key_file = /etc/ssl/mail.key\n",
        "/d/dovecot.conf": "!include conf.d/*.conf\n",
        "/d/conf.d/10-ssl.conf": "ssl = required\nssl_cert = </etc/dovecot/full.pem\nssl_key = </etc/dovecot/key.pem\n",
    }
    reader = reader_of(texts)
    found = [
        *others.haproxy_sites(reader, "/h"),
        *others.postfix_sites(reader, "/p"),
        *others.postfix_sites(reader, "/q"),
        *others.dovecot_sites(reader, "/d/dovecot.conf"),
    ]
    assert [(site.certificate, site.key) for site in found] == [
        ("/etc/haproxy/site.pem", "/etc/haproxy/site.pem.key"),
        ("/etc/postfix/full.pem", "/etc/postfix/key.pem"),
        ("/etc/ssl/mail.pem", "/etc/ssl/mail.key"),
        ("/etc/dovecot/full.pem", "/etc/dovecot/key.pem"),
    ]


def test_daemons_are_recognised_among_the_processes() -> None:
    listed = """
root     /sbin/init splash
root     nginx: master process /usr/sbin/nginx -c /opt/ngx/nginx.conf -g daemon off;
www-data nginx: worker process
root     /usr/sbin/apache2 -k start
root     /usr/lib/postfix/sbin/master -w
mallory  master of puppets
postgres /usr/lib/postgresql/16/bin/postgres -D /var/lib/postgresql/16/main
"""
    assert of_processes(listed, "mmc-deploy") == [
        Running("nginx", "root", "/usr/sbin/nginx", "/opt/ngx/nginx.conf", ("-c", "/opt/ngx/nginx.conf")),
        Running("Apache", "root", "/usr/sbin/apache2", "/etc/apache2/apache2.conf"),
        Running("Postfix", "root", "/usr/lib/postfix/sbin/master", "/etc/postfix/main.cf"),
        Running("PostgreSQL", "postgres"),
    ]


@pytest.mark.parametrize(
    ("process", "configuration", "lines"),
    [
        (
            "/usr/sbin/httpd -DFOREGROUND",
            "/etc/httpd/conf/httpd.conf",
            ["sudo -n httpd -t", "sudo -n systemctl reload httpd"],
        ),
        (
            "/usr/sbin/apache2 -k start",
            "/etc/apache2/apache2.conf",
            ["sudo -n apachectl configtest", "sudo -n systemctl reload apache2"],
        ),
        ("/usr/sbin/exim -bd -q1h", "/etc/exim/exim.conf", ["sudo -n exim -bV", "sudo -n systemctl reload exim"]),
        (
            "/usr/sbin/exim4 -bd -q30m",
            "/etc/exim4/update-exim4.conf.conf",
            ["sudo -n exim4 -bV", "sudo -n systemctl reload exim4"],
        ),
        ("/usr/sbin/httpd -f /srv/h.conf", "/srv/h.conf", [
            "sudo -n /usr/sbin/httpd -f /srv/h.conf -t", "sudo -n /usr/sbin/httpd -f /srv/h.conf -k graceful"
        ]),
    ],
)  # fmt: skip
def test_each_program_goes_with_its_own_configuration_and_lines(
    process: str, configuration: str, lines: list[str]
) -> None:
    (running,) = of_processes(f"root {process}\n", "mmc-deploy")
    assert running.configuration == configuration
    protocol = "smtp" if running.daemon == "Exim" else "tls"
    assert suggested(None, running, protocol=protocol).reload_commands == lines


def test_without_a_shell_the_configuration_that_lies_there_tells_the_lines() -> None:
    (running,) = of_configurations(reader_of({"/etc/httpd/conf/httpd.conf": ""}))
    assert suggested(None, running).reload_commands == ["sudo -n httpd -t", "sudo -n systemctl reload httpd"]


def test_a_title_is_believed_of_root_and_of_ourselves_alone() -> None:
    """Else whoever has an account there could have a program of theirs called as root."""
    listed = """
mallory  nginx: master process /home/mallory/nginx -c /home/mallory/nginx.conf
root     nginx: master process /usr/sbin/nginx
mmc      nginx: master process /opt/nginx -c /opt/nginx.conf
eve      /home/eve/haproxy -f /home/eve/haproxy.cfg
"""
    assert of_processes(listed, "mmc") == [
        Running("nginx", "root", "/usr/sbin/nginx", "/etc/nginx/nginx.conf"),
        Running("nginx", "mmc", "/opt/nginx", "/opt/nginx.conf", ("-c", "/opt/nginx.conf")),
        Running("HAProxy", "eve", configuration="/etc/haproxy/haproxy.cfg"),
    ]


def suggested(site: Site | None, running: Running, *, username: str = "mmc-deploy", protocol: str = "tls") -> Any:
    sites = [replace(site, configuration=running.configuration)] if site else []
    found = Found(running=[running], sites=sites, has_shell=True)
    return suggest(found, host="shop.example.net", port=443, protocol=protocol, username=username)


NGINX_RUNS = Running("nginx", "root", "/usr/sbin/nginx", "/etc/nginx/nginx.conf")


def site(certificate: str, key: str, chain: str = "") -> Site:
    return Site("nginx", "/etc/nginx/s", ("shop.example.net",), (443,), "/srv/www", certificate, key, chain)


def test_files_that_lie_side_by_side_are_taken_over_under_their_names() -> None:
    fits = suggested(site("/srv/tls/fullchain.pem", "/srv/tls/privkey.pem"), NGINX_RUNS)
    assert (fits.directories, fits.file_names, fits.configure) == (["/srv/tls"], {"key": "privkey.pem"}, "")
    assert fits.reload_commands == ["sudo -n nginx -t", "sudo -n systemctl reload nginx"]
    assert fits.webroot == "/srv/www"


def test_with_a_chain_of_its_own_the_certificate_is_the_leaf_alone() -> None:
    fits = suggested(site("/srv/tls/shop.crt", "/srv/tls/shop.key", "/srv/tls/shop.ca"), NGINX_RUNS)
    assert fits.file_names == {"cert": "shop.crt", "key": "shop.key", "chain": "shop.ca"}


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        ("/etc/letsencrypt/live/shop/fullchain.pem", "/etc/letsencrypt/live/shop/privkey.pem"),
        ("/etc/ssl/certs/shop.pem", "/etc/ssl/private/shop.key"),
        ("/srv/tls/both.pem", "/srv/tls/both.pem"),
        ("/etc/shop.pem", "/etc/shop.key"),
        ("/srv/t l s/a.pem", "/srv/t l s/a.key"),
        ("/srv/tls/$(id).pem", "/srv/tls/a.key"),
    ],
)
def test_what_is_not_ours_to_replace_gets_a_folder_beside_it_and_the_line_to_change(certificate: str, key: str) -> None:
    fits = suggested(site(certificate, key), NGINX_RUNS)
    assert fits.directories == ["/etc/ssl/managemycert/shop.example.net"]
    assert fits.file_names == {}
    assert "ssl_certificate /etc/ssl/managemycert/shop.example.net/fullchain.pem;" in fits.configure


def test_a_daemon_of_the_deploy_user_needs_no_sudo() -> None:
    own = Running("nginx", "mmc-deploy", "/usr/sbin/nginx", "/opt/n.conf", ("-c", "/opt/n.conf"))
    fits = suggested(None, own)
    assert fits.reload_commands == ["/usr/sbin/nginx -c /opt/n.conf -t", "/usr/sbin/nginx -c /opt/n.conf -s reload"]
    assert suggested(None, NGINX_RUNS, username="root").reload_commands == ["nginx -t", "systemctl reload nginx"]


def test_a_configuration_with_a_name_that_no_command_should_have_is_not_called() -> None:
    odd = Running("nginx", "root", "/usr/sbin/nginx", "/opt/$(id).conf", ("-c", "/opt/$(id).conf"))
    assert suggested(None, odd).reload_commands == []


def test_the_daemon_is_one_that_speaks_what_the_domain_speaks() -> None:
    postfix = Running("Postfix", "root", "/usr/lib/postfix/sbin/master", "/etc/postfix/main.cf")
    assert suggested(None, postfix, protocol="smtp").daemon == "Postfix"
    assert suggested(None, NGINX_RUNS, protocol="smtp").daemon == ""


def test_a_default_host_of_another_configuration_says_nothing_of_the_webroot() -> None:
    """A second server on the machine, with the site that its package brought along."""
    ours = replace(site("/srv/tls/a.pem", "/srv/tls/a.key"), names=(), configuration="/opt/n.conf")
    default = Site("nginx", "/etc/nginx/d", (), (80,), "/var/www/html", configuration="/etc/nginx/nginx.conf")
    beside = replace(default, root="/srv/plain", configuration="/opt/n.conf")
    assert plain_site([ours, default], "shop.example.net", ours) is None
    assert plain_site([default, ours, beside], "shop.example.net", ours) == beside
    assert plain_site([default], "shop.example.net", None) == default
    assert plain_site([default], "shop.example.net", replace(ours, root="")) == default
    named = replace(default, names=("shop.example.net",), root="/srv/named")
    assert plain_site([beside, named, ours], "shop.example.net", ours) == named


class TestHostileServers:
    """Whoever has the server has its configuration: it must neither hold a worker nor break what was found."""

    @pytest.mark.parametrize(
        ("read", "text"),
        [
            (nginx.read_sites, "${" * 2**16),
            (others.haproxy_sites, "\n" * 2**16),
            (others.haproxy_sites, f"bind {'a' * 2**16}"),
            (others.dovecot_sites, "\n" * 2**16),
            (apache.read_sites, f"<VirtualHost{' ' * 2**16}x"),
            (apache.read_sites, "a b\n" * 2**15),
            (apache.read_sites, "Define a0 x\n" + "".join(f"Define a{n + 1} ${{a{n}}}${{a{n}}}\n" for n in range(60))),
            (apache.read_sites, f"Define x {'y' * 4000}\n" + "${x}\n" * 2**15),
        ],
    )  # fmt: skip
    def test_the_time_to_read_grows_with_the_size_alone(self, read: Any, text: str) -> None:
        begun = time.process_time()
        read(reader_of({"/etc/x": text}), "/etc/x")
        assert time.process_time() - begun < 15, "it took minutes, or never ended"

    @pytest.mark.parametrize("port", ["²", "9" * 5000, "-1"])
    def test_a_port_that_is_none_is_the_usual_one(self, port: str) -> None:
        texts = {
            "/etc/n": f"server {{ listen {port}; }}",
            "/etc/a": f"<VirtualHost *:{port}>\n</VirtualHost>",
            "/etc/h": f"bind *:{port} ssl crt /srv/a.pem",
        }
        reader = reader_of(texts)
        found = [nginx.read_sites(reader, "/etc/n"), apache.read_sites(reader, "/etc/a")]
        assert [site.ports for sites in found for site in sites] == [(80,), (80,)]
        assert [site.ports for site in others.haproxy_sites(reader, "/etc/h")] == [(443,)]

    def test_no_more_is_read_listed_or_kept_than_a_configuration_has(self) -> None:
        many = {f"/etc/d/{n}": "x" * 2**17 for n in range(MAX_SIZE // 2**17 + 3)}
        reader = reader_of({**many, "/etc/d/odd\nname": ""})
        read = [reader.text(path) for path in reader.matching("/etc/d/*")]
        assert (sum(map(len, read)), read[-1]) == (MAX_SIZE, "")
        assert "/etc/d/odd\nname" not in reader.matching("/etc/d/*")
        for _ in range(MAX_FOLDERS):
            reader.matching("/etc/d/*")
        assert reader.matching("/etc/d/*") == []
        assert (reader.text("/" + "x" * 2000), reader.matching("/*" * 2000), reader.denied) == ("", [], [])
        assert not Site("nginx", root="/" + "x" * 2000).is_sane
