"""The table of signatures: sound in itself, and each platform recognised by an answer as it really comes."""

import re
from ipaddress import ip_network
from typing import Any

import pytest

from domains.hosting.judging import SHOWN_FROM, Outcome
from domains.hosting.platforms import PATHS, PLATFORMS, Layer, Path
from domains.hosting.signatures import HINT, PAGE_SIGNS, PROOF, SIGNATURES, WEAK, Signature
from tests.unit.domains.front_pages import shown, verdict

KINDS = {
    *("header", "cookie", "meta", "rel", "attribute", "type", "asset", "cdn", "image", "frame", "script", "comment"),
    *("title", "hop", "cname", "ns", "address", "san", "port", "path"),
}

# One answer for each platform, as such sites send it.
SAMPLES: dict[str, dict[str, Any]] = {
    "cloudflare": {"headers": ["Server: cloudflare", "CF-RAY: 8c5-FRA", "cf-cache-status: DYNAMIC"]},
    "vercel": {"headers": ["Server: Vercel", "X-Vercel-Id: fra1::abc"]},
    "netlify": {"headers": ["Server: Netlify", "X-NF-Request-ID: 01J"]},
    "github_pages": {"headers": ["Server: GitHub.com", "X-GitHub-Request-Id: A:B"]},
    "fly": {"headers": ["Server: Fly/a1b2c3", "Fly-Request-Id: 01J"]},
    "heroku": {"headers": ["Server: Cowboy", "Via: 1.1 vegur"]},
    "render": {"headers": ["x-render-origin-server: Render"]},
    "wp_engine": {"headers": ["X-Powered-By: WP Engine"]},
    "kinsta": {"headers": ["Server: nginx", "X-Kinsta-Cache: HIT"]},
    "pantheon": {"headers": ["X-Pantheon-Styx-Hostname: styx-1", "X-Styx-Req-Id: ab"]},
    "cloudfront": {"headers": ["Via: 1.1 abc.cloudfront.net (CloudFront)", "X-Amz-Cf-Id: abc=="]},
    "fastly": {"headers": ["X-Fastly-Request-ID: ab", "X-Served-By: cache-fra-1"]},
    "akamai": {"headers": ["X-Akamai-Transformed: 9 - 0 pmb=mRUM,1"]},
    "sucuri": {"headers": ["X-Sucuri-ID: 15005"]},
    "imperva": {"headers": ["X-Iinfo: 9-1", "Set-Cookie: visid_incap_12=x; Path=/"]},
    "azure_app_service": {"headers": ["Set-Cookie: ARRAffinity=abc; Path=/"], "cnames": ["forge.azurewebsites.net."]},
    "shopify": {"headers": ["powered-by: Shopify", "X-Sorting-Hat-ShopId: 1", "Set-Cookie: _shopify_y=1"]},
    "wix": {"headers": ["Server: Pepyaka", "X-Wix-Request-Id: 17.2"]},
    "squarespace": {"headers": ["Server: Squarespace", "Set-Cookie: crumb=abc; Secure"]},
    "webflow": {
        "page": '<html data-wf-page="a" data-wf-site="b"><meta content="Webflow" name="generator"/>',
        "cnames": ["cdn.webflow.com"],
    },
    "bigcommerce": {
        "page": '<meta name="platform" content="bigcommerce.stencil">',
        "cnames": ["shops.mybigcommerce.com"],
    },
    "weebly": {
        "page": '<link rel="stylesheet" href="//cdn2.editmysite.com/css/sites.css">',
        "addresses": ["199.34.228.77"],
    },
    "framer": {
        "headers": ["Server: Framer/8a1"],
        "page": '<script src="https://framerusercontent.com/a.mjs"></script>',
    },
    "hubspot": {"headers": ["X-HS-Hub-Id: 123"]},
    "wordpress_com": {"headers": ["host-header: WordPress.com", "X-hacker: If you're reading this"]},
    "ghost_pro": {"page": '<meta name="generator" content="Ghost 5.82">', "cnames": ["forge.ghost.io"]},
    "wordpress": {
        "headers": ['Link: <https://www.forge.org/wp-json/>; rel="https://api.w.org/"'],
        "page": "<link rel='stylesheet' href='/wp-content/themes/a/style.css'>",
    },
    "woocommerce": {
        "headers": ["Set-Cookie: woocommerce_cart_hash=1"],
        "page": '<script src="/wp-content/plugins/woocommerce/assets/a.js"></script>',
    },
    "ghost": {"page": '<meta name="generator" content="Ghost 5.82">'},
    "drupal": {"headers": ["X-Generator: Drupal 10 (https://www.drupal.org)", "X-Drupal-Cache: HIT"]},
    "joomla": {"page": '<meta name="generator" content="Joomla! - Open Source Content Management">'},
    "magento": {
        "headers": ["Set-Cookie: X-Magento-Vary=abc"],
        "page": '<script type="text/x-magento-init">{}</script>',
    },
    "prestashop": {"headers": ["Powered-By: PrestaShop", "Set-Cookie: PrestaShop-abc=1"]},
    "cpanel": {"names": ["forge.org", "cpanel.forge.org", "webdisk.forge.org", "autodiscover.forge.org"]},
    "plesk": {"headers": ["Server: nginx", "X-Powered-By: PHP/8.2", "X-Powered-By: PleskLin"]},
    "hostinger": {"headers": ["platform: hostinger", "panel: hpanel", "Server: LiteSpeed"]},
    "nginx": {"headers": ["Server: nginx/1.26.2"]},
    "apache": {"headers": ["Server: Apache/2.4.62 (Debian)"]},
    "caddy": {"headers": ["Server: Caddy"]},
    "litespeed": {"headers": ["Server: LiteSpeed", "X-LiteSpeed-Cache: hit"]},
    "iis": {"headers": ["Server: Microsoft-IIS/10.0", "X-Powered-By: ASP.NET"]},
}
# Recognised by what their own port says, which needs no page.
BY_PORT = {"directadmin", "hestia"}


@pytest.mark.parametrize("platform", SAMPLES)
def test_each_platform_is_recognised_and_says_why(platform: str) -> None:
    sample = dict(SAMPLES[platform])
    found = verdict(*sample.pop("headers", ()), **sample)
    assert found.outcome == Outcome.SITE
    (badge,) = (one for one in found.badges if one.platform == platform)
    assert SHOWN_FROM <= badge.confidence <= 100
    assert badge.because
    assert found.path


def test_no_platform_lacks_a_sample() -> None:
    assert set(SAMPLES) | BY_PORT == set(PLATFORMS)


def test_every_signature_is_sound() -> None:
    for one in SIGNATURES:
        assert one.platform in PLATFORMS
        assert one.where in KINDS
        assert one.weight in (PROOF, HINT, WEAK)
        assert one.because == one.because.strip() != ""
        assert not one.because.endswith(".")
        if one.where == "address":
            ip_network(one.pattern)
        else:
            re.compile(one.pattern)
        if one.where == "header":
            assert one.key == one.key.lower()
    assert {sign.where for sign in PAGE_SIGNS} <= KINDS
    assert len({(one.platform, one.where, one.key, one.pattern) for one in SIGNATURES}) == len(SIGNATURES)


def test_what_moves_is_never_more_than_a_hint() -> None:
    assert [one for one in SIGNATURES if one.where in ("cname", "ns", "address") and one.weight > HINT] == []


def test_every_pattern_of_a_server_header_is_anchored_as_a_whole() -> None:
    """`^now|Vercel$` would take 'snowVercel' for Vercel."""
    patterns = [one.pattern for one in SIGNATURES if (one.where, one.key) == ("header", "server")]
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^")
        assert "|" not in re.sub(r"\(.*?\)", "", pattern)


def _possible(platform: str) -> int:
    rows: list[Signature] = [one for one in SIGNATURES if one.platform == platform]
    return sum(one.weight for one in rows)


def test_every_platform_can_be_shown_and_has_its_words() -> None:
    for name, platform in PLATFORMS.items():
        assert _possible(name) >= SHOWN_FROM
        assert platform.hint.endswith(".")
        assert platform.path in PATHS
        assert platform.layer in set(Layer)
        assert not platform.needs or platform.needs in PLATFORMS
        assert platform.path == Path.MONITOR if platform.manages_tls else True


def test_every_vendor_can_be_proved_by_a_connection_or_the_dns() -> None:
    for name, platform in PLATFORMS.items():
        strong = any(
            one.platform == name and one.weight == PROOF and one.where in ("header", "cookie") for one in SIGNATURES
        )
        target = any(one.platform == name and one.where in ("cname", "address") for one in SIGNATURES)
        assert strong or target or not platform.manages_tls, name


@pytest.mark.parametrize(
    ("headers", "more", "path"),
    [
        (["powered-by: Shopify"], {}, Path.MONITOR),
        (["X-Wix-Request-Id: 1"], {}, Path.MONITOR),
        (["Server: Squarespace"], {}, Path.MONITOR),
        (["Server: cloudflare", "CF-RAY: 1"], {}, Path.PANEL),
        (["Server: Apache"], {"names": ["cpanel.forge.org", "whm.forge.org"]}, Path.PANEL),
        (["Server: nginx", "X-Powered-By: PleskLin"], {}, Path.PANEL),
        (["Server: LiteSpeed", "panel: hpanel"], {}, Path.ZIP),
        (["Server: nginx/1.26"], {}, Path.SSH),
        (["Server: Apache"], {"page": "<script src=/wp-includes/a.js></script>"}, Path.SSH),
        (["Server: Caddy"], {}, Path.MONITOR),
        (["Server: Microsoft-IIS/10.0"], {}, Path.ZIP),
        (["X-Amz-Cf-Id: a"], {}, Path.ZIP),
        ([], {"page": "<script src=/wp-includes/a.js></script>"}, Path.ZIP),
        ([], {}, ""),
    ],
)
def test_the_vendor_goes_before_the_edge_the_panel_and_the_server(
    headers: list[str], more: dict[str, Any], path: str
) -> None:
    assert verdict(*headers, **more).path == path


def test_layers_stand_beside_one_another() -> None:
    found = verdict(
        *("Server: cloudflare", "CF-RAY: 1", "X-LiteSpeed-Cache: hit", "X-Turbo-Charged-By: LiteSpeed"),
        page='<meta name="generator" content="WordPress 6.6">',
        names=["cpanel.forge.org", "webdisk.forge.org"],
    )
    assert shown(found) == {"cloudflare", "litespeed", "wordpress", "cpanel"}
    assert {one.layer for one in found.badges} == set(Layer)
