"""What looks like a platform and is none: nobody's renewals may end over a word in a blog post."""

import time

import pytest

from domains.hosting.evidence import facts_of_port
from domains.hosting.judging import Outcome, judge, outcome_of
from domains.hosting.markup import read_markup
from domains.hosting.platforms import Path
from tests.unit.domains.front_pages import HOST, hop, shown, verdict

WORDPRESS_LINK = 'Link: <https://www.forge.org/wp-json/>; rel="https://api.w.org/"'


@pytest.mark.parametrize(
    "page",
    [
        "<p>Our theme lives in /wp-content/themes/ and is Powered by WordPress.</p>",
        "<pre>&lt;script src='/wp-content/a.js'&gt;</pre>",
        '<!-- <script src="/wp-content/a.js"></script> -->',
        '<textarea><link rel="x" href="/wp-includes/a.css"></textarea>',
        "<script>var example = \"<script src='/wp-content/a.js'>\";</script>",
        "<script>print('Static.SQUARESPACE_CONTEXT = {}')</script>",
        '<a title=\'<link href="/wp-content/a.css">\' href="/wp-content/post.html">about /wp-content/</a>',
        '<script src="https://elsewhere.net/wp-content/a.js"></script>',
        '<img src="https://blog.elsewhere.net/wp-content/uploads/cat.jpg">',
        '<link rel="canonical" href="https://www.forge.org/wp-content/">',
        '<meta name="description" content="WordPress, Joomla! and Drupal hosting">',
        '<meta name="generator" content="Not WordPress">',
        "<title>WordPress and Wix.com Website Builder compared</title>",
    ],
)
def test_text_about_a_platform_is_no_platform(page: str) -> None:
    found = verdict(page=f"<html><body>{page}</body></html>")
    assert (found.badges, found.guesses) == ([], [])


def test_a_headless_wordpress_is_advised_by_its_edge() -> None:
    found = verdict(WORDPRESS_LINK, "Server: Vercel", "X-Vercel-Id: fra1")
    assert shown(found) == {"vercel", "wordpress"}
    assert (found.path, found.vendor) == (Path.MONITOR, "vercel")


def test_hot_linked_pictures_make_no_shop() -> None:
    found = verdict("Server: nginx", page='<img src="https://cdn.shopify.com/s/files/1/cat.jpg">')
    assert shown(found) == {"nginx"}
    assert found.path == Path.SSH


def test_a_buy_button_on_wordpress_makes_no_shop() -> None:
    button = '<script src="https://cdn.shopify.com/buy-button.js"></script><img src="https://cdn.shopify.com/a.png">'
    found = verdict("Server: nginx", WORDPRESS_LINK, page=f"<link href=/wp-content/a.css>{button}")
    assert found.path == Path.SSH
    assert found.vendor == ""


def test_marks_in_the_page_alone_show_a_vendor_but_do_not_end_the_renewals() -> None:
    found = verdict("Server: nginx", page='<meta name="shopify-digital-wallet" content="/1/wallets">')
    assert shown(found) == {"shopify", "nginx"}
    assert (found.vendor, found.path) == ("", Path.SSH)


def test_a_dns_target_needs_one_more_hint() -> None:
    alone = verdict(status=None, cnames=["shops.myshopify.com"], addresses=["23.227.38.65"])
    assert (alone.vendor, alone.path) == ("", "")
    hinted = verdict("X-ShopId: 1", cnames=["shops.myshopify.com."])
    assert (hinted.vendor, hinted.path) == ("shopify", Path.MONITOR)


@pytest.mark.parametrize("server", ["snowVercel", "now/1.0", "Vercel-like", "not Vercel"])
def test_only_vercels_own_name_is_vercel(server: str) -> None:
    assert shown(verdict(f"Server: {server}")) == set()


def test_the_domain_of_a_cookie_says_nothing() -> None:
    found = verdict("Set-Cookie: session=1; Domain=.wix.com", "Set-Cookie: a=_shopify_y; Path=/wordpress_")
    assert (found.badges, found.guesses) == ([], [])


def test_each_line_of_several_cookies_counts() -> None:
    found = verdict("Set-Cookie: a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "Set-Cookie: X-Magento-Vary=1")
    assert shown(found) == {"magento"}


def test_an_expiry_in_1978_alone_is_not_drupal() -> None:
    found = verdict("Expires: Sun, 19 Nov 1978 05:00:00 GMT")
    assert found.badges == []
    assert [(one.platform, one.confidence) for one in found.guesses] == [("drupal", 50)]
    both = verdict(
        "Expires: Sun, 19 Nov 1978 05:00:00 GMT", page='<link href="/sites/default/themes/a.css" rel="stylesheet">'
    )
    assert shown(both) == {"drupal"}


def test_name_servers_at_cloudflare_do_not_mean_that_it_stands_in_front() -> None:
    found = verdict("Server: nginx", nameservers=["ada.ns.cloudflare.com"], addresses=["203.0.113.10"])
    assert shown(found) == {"nginx"}
    assert found.zone_at_cloudflare
    assert found.path == Path.SSH
    inside = verdict("Server: nginx", nameservers=["ada.ns.cloudflare.com"], addresses=["104.16.1.1"])
    assert "cloudflare" in shown(inside)


def test_an_address_range_alone_is_no_badge() -> None:
    assert shown(verdict(addresses=["104.16.1.1", "2606:4700::1", "172.64.0.1"])) == set()


@pytest.mark.parametrize(
    "header",
    [
        *("X-Fastcgi-Cache: HIT", "X-Cache: HIT", "X-Cache: Hit from cloudfront", "Via: 1.1 varnish", "Via: 1.1 Caddy"),
        *("x-ms-request-id: 1", "x-ms-blob-type: BlockBlob", "X-Powered-By: PHP/8.3", "X-Powered-By: Express"),
        *("Server: Apache-Coyote/1.1", "Server: Apache Traffic Server", "Server: ATS/9.2", "Server: nginxish"),
        *("X-Served-By: cache-fra-1", "Set-Cookie: ARRAffinity=1", "Set-Cookie: frontend=1", "Set-Cookie: __cfduid=1"),
    ],
)
def test_a_generic_header_is_no_platform(header: str) -> None:
    assert shown(verdict(header)) == set()


def test_a_shop_behind_its_vendors_cloudflare_is_not_behind_ones_own() -> None:
    heads = ("Server: cloudflare", "CF-RAY: 1", "powered-by: Shopify")
    theirs = verdict(*heads, nameservers=["ns1.registrar.net"])
    assert theirs.is_behind_vendors_cloudflare
    assert theirs.path == Path.MONITOR
    assert not verdict(*heads, nameservers=["ada.ns.cloudflare.com"]).is_behind_vendors_cloudflare
    unproved = verdict("CF-RAY: 1", page='<meta name="shopify-digital-wallet" content="/1">')
    assert (unproved.vendor, unproved.path) == ("", "")


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_wall_says_blocked_and_what_stands_in_front_but_never_what_is_behind(status: int) -> None:
    page = '<script src="/wp-content/a.js"></script><title>Just a moment...</title>'
    found = verdict(
        "Server: cloudflare", "CF-RAY: 1", "cf-mitigated: challenge", WORDPRESS_LINK, page=page, status=status
    )
    assert found.outcome == Outcome.BLOCKED
    assert shown(found) == {"cloudflare"}
    assert shown(verdict("Server: nginx", page=page, status=status)) == set()


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        (["cf-mitigated: challenge"], ""),
        ([], "<title>Just a moment...</title>"),
        ([], "<title>Attention Required! | Cloudflare</title>"),
        ([], '<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=9"></iframe>'),
        ([], '<script src="https://ct.captcha-delivery.com/c.js"></script>'),
    ],
)
def test_a_wall_that_answers_200_is_a_wall(headers: list[str], page: str) -> None:
    found = verdict("Server: nginx", *headers, page=page)
    assert (found.outcome, found.badges) == (Outcome.BLOCKED, [])


def test_a_wordpress_post_called_just_a_moment_later_is_still_judged_as_a_page() -> None:
    assert verdict(page="<title>Wait: just a moment</title>").outcome == Outcome.SITE


@pytest.mark.parametrize(
    "page",
    [
        '<html data-adblockkey="MFww"><script src="/js/parking.js"></script>',
        '<script src="https://img1.wsimg.com/parking-lander/static/js/main.js"></script>',
        '<link href="https://www.sedoparking.com/a.css">',
    ],
)
def test_a_parked_page_says_nothing(page: str) -> None:
    found = verdict("Server: openresty", "X-Powered-By: PleskLin", page=page, names=["cpanel.forge.org"])
    assert (found.outcome, found.badges, found.guesses, found.path) == (Outcome.PARKED, [], [], "")


def test_a_zone_at_a_parking_service_is_parked_even_without_an_answer() -> None:
    assert verdict(status=None, nameservers=["ns1.sedoparking.com"]).outcome == Outcome.PARKED
    assert verdict(nameservers=["ns1.dns-parking.com"]).outcome == Outcome.SITE


def test_a_servers_default_page_tells_of_the_server_and_not_of_a_site() -> None:
    plesk = verdict(
        "Server: nginx",
        "X-Powered-By: PleskLin",
        page="<title>Web Server's Default Page</title><script src=/wp-content/a.js>",
    )
    assert plesk.outcome == Outcome.DEFAULT_PAGE
    assert shown(plesk) == {"nginx", "plesk"}
    assert verdict("Server: nginx", page="<title>Welcome to nginx!</title>").outcome == Outcome.DEFAULT_PAGE
    apache = verdict(page="<title>Apache2 Debian Default Page: It works</title>")
    assert apache.outcome == Outcome.DEFAULT_PAGE
    cpanel = verdict(before=[hop(status=302)], url=f"https://{HOST}/cgi-sys/defaultwebpage.cgi")
    assert (cpanel.outcome, shown(cpanel)) == (Outcome.DEFAULT_PAGE, set())


@pytest.mark.parametrize("status", [301, 404, 410, 500])
def test_an_error_page_has_no_panel_marks_and_no_software(status: int) -> None:
    found = verdict(
        "Server: Apache", "X-Powered-By: PleskLin", page="<!-- cPanel --><script src=/wp-content/a.js>", status=status
    )
    assert found.outcome == Outcome.NO_PAGE
    assert shown(found) == {"apache"}


def test_a_closed_shop_is_still_a_shop() -> None:
    assert verdict("powered-by: Shopify", status=404).path == Path.MONITOR


def test_a_redirect_to_another_registered_name_speaks_of_its_first_answer_only() -> None:
    found = verdict("Server: nginx", "Location: https://shop.elsewhere.net/", status=301, elsewhere=True)
    assert (found.outcome, shown(found)) == (Outcome.ELSEWHERE, {"nginx"})


def test_what_stands_before_the_other_host_of_a_site_does_not_advise_this_one() -> None:
    found = verdict(
        *("Server: cloudflare", "CF-RAY: 1", "powered-by: Shopify"),
        url="https://shop.forge.org/",
        before=[hop("Server: nginx", status=301)],
    )
    assert shown(found) == {"nginx", "shopify"}
    assert (found.vendor, found.path) == ("", Path.SSH)


def test_woocommerce_needs_wordpress() -> None:
    assert shown(verdict("Set-Cookie: woocommerce_cart_hash=1")) == set()


def test_versions_are_not_repeated() -> None:
    found = verdict("Server: nginx/1.2.3", page='<meta name="generator" content="WordPress 4.9.1">')
    assert "1.2.3" not in str(found.badges)
    assert "4.9" not in str(found.badges)


def test_a_panels_own_port_proves_it_and_silence_proves_nothing() -> None:
    for port, heads, page, platform in (
        (2083, ["Server: cpsrvd/11.118"], "", "cpanel"),
        (8443, ["Server: sw-cp-server", "Location: /login_up.php"], "", "plesk"),
        (2222, ["Server: DirectAdmin Daemon v1.6"], "", "directadmin"),
        (8083, ["Server: nginx"], "<title>Hestia Control Panel</title>", "hestia"),
    ):
        facts = facts_of_port(port, hop(*heads, page=page))
        assert shown(judge(facts, outcome_of(facts, None))) == {platform}
    elsewhere = facts_of_port(8443, hop("Server: nginx"))
    assert judge(elsewhere, Outcome.NO_ANSWER).badges == []


HOSTILE = {
    "open quotes": b"<link b='" * 60_000,
    "open comments": b"<!--" * 130_000,
    "nested": b"<html>" * 90_000,
    "declarations": b"<!" * 260_000,
    "sections": b"<![CDATA[" * 58_000,
    "many attributes": (b"<link " + b"a " * 990 + b">") * 260,
    "many entities": (b"<meta content=" + b"&amp" * 490 + b">") * 260,
    "marks": b"<p data-wf-site=x>" * 29_000,
    "scripts": b"<script>" * 65_000,
    "zeros": b"\0" * 524_288,
}


@pytest.mark.parametrize("title", HOSTILE)
def test_a_page_made_to_be_slow_is_read_in_time(title: str) -> None:
    began = time.process_time()
    markup = read_markup(HOSTILE[title], frozenset({b"data-wf-site"}))
    assert time.process_time() - began < 8
    assert len(markup.tags) <= 1_000
