"""What gives a platform away, as data: one row per sign. Ranges and DNS targets are of August 2026 and may move."""

import re
from dataclasses import dataclass

PROOF, HINT, WEAK = 100, 50, 25


@dataclass(frozen=True, slots=True)
class Signature:
    """A fact of kind `where` (domains.hosting.evidence) whose key is `key` and whose value matches `pattern`.

    The key of a cookie is a pattern of its name; the pattern of an address is a network. The layer is the
    platform's. `because` completes the sentence 'WordPress, because …'.
    """

    platform: str
    where: str
    key: str
    pattern: str
    weight: int
    because: str


def _header(platform: str, name: str, pattern: str = "", weight: int = PROOF) -> Signature:
    shown = "-".join(part.capitalize() for part in name.split("-"))
    words = f"the header {shown} names it" if pattern else f"the header {shown} is there"
    return Signature(platform, "header", name, pattern, weight, words)


def _cookie(platform: str, name: str, shown: str, weight: int = PROOF) -> Signature:
    return Signature(platform, "cookie", name, "", weight, f"it sets the cookie {shown}")


def _generator(platform: str, pattern: str) -> Signature:
    return Signature(platform, "meta", "generator", pattern, PROOF, "the page names it as its generator")


def _meta(platform: str, name: str, pattern: str = "") -> Signature:
    return Signature(platform, "meta", name, pattern, PROOF, f"the page has the meta tag {name}")


def _own(platform: str, pattern: str, shown: str, weight: int = HINT) -> Signature:
    return Signature(platform, "asset", "", pattern, weight, f"the page loads {shown} from its own host")


def _cdn(platform: str, host: str, weight: int = HINT) -> Signature:
    return Signature(
        platform, "cdn", "", rf"^(?:[\w-]+\.)*{re.escape(host)}/", weight, f"the page loads files from {host}"
    )


def _image(platform: str, host: str) -> Signature:
    pattern = rf"^(?:[\w-]+\.)*{re.escape(host)}/"
    return Signature(platform, "image", "", pattern, WEAK, f"the page shows pictures from {host}")


def _cname(platform: str, target: str) -> Signature:
    return Signature(platform, "cname", "", rf"(?:^|\.){re.escape(target)}$", HINT, f"its CNAME leads to {target}")


def _ns(platform: str, zone: str, weight: int = WEAK) -> Signature:
    return Signature(platform, "ns", "", rf"\.{re.escape(zone)}$", weight, f"its name servers are below {zone}")


def _networks(platform: str, *networks: str) -> list[Signature]:
    return [Signature(platform, "address", "", one, HINT, f"its address lies in {one}") for one in networks]


SIGNATURES: tuple[Signature, ...] = (
    # WordPress and its hosts
    Signature(
        "wordpress", "header", "link", r'rel="?https://api\.w\.org/', PROOF, "its Link header leads to WordPress's API"
    ),
    Signature("wordpress", "rel", "https://api.w.org/", "", PROOF, "the page links to WordPress's API"),
    _generator("wordpress", r"^WordPress\b"),
    Signature(
        "wordpress", "header", "x-pingback", r"/xmlrpc\.php$", PROOF, "the header X-Pingback leads to xmlrpc.php"
    ),
    _own(
        "wordpress", r"^/(?:[\w.-]+/){0,3}wp-(?:content|includes)/", "files below /wp-content/ or /wp-includes/", PROOF
    ),
    _cookie("wordpress", r"^wordpress_|^wp-settings-", "wordpress_…", HINT),
    Signature("wordpress", "path", "/wp-json/", r'^\s*\{.*"namespaces"', HINT, "/wp-json/ answers as WordPress does"),
    Signature("wordpress", "path", "/wp-login.php", r'id="loginform"', HINT, "/wp-login.php shows its sign-in form"),
    _generator("woocommerce", r"^WooCommerce\b"),
    _cookie("woocommerce", r"^woocommerce_", "woocommerce_…"),
    _own("woocommerce", r"/wp-content/plugins/woocommerce/", "WooCommerce's files", HINT),
    _header("wp_engine", "x-powered-by", r"^WP Engine"),
    _header("wp_engine", "wpe-backend"),
    _header("kinsta", "x-kinsta-cache"),
    _header("pantheon", "x-pantheon-styx-hostname"),
    _header("pantheon", "x-styx-req-id"),
    _header("wordpress_com", "host-header", r"^WordPress\.com"),
    _header("wordpress_com", "x-hacker", weight=HINT),
    _cdn("wordpress_com", "wp.com", WEAK),
    # Shops and site builders with certificates of their own
    _header("shopify", "powered-by", r"^Shopify"),
    _header("shopify", "x-shopify-stage"),
    _header("shopify", "x-sorting-hat-shopid"),
    _header("shopify", "x-shopid", weight=HINT),
    _cookie("shopify", r"^_shopify_(?:y|s|essential)$", "_shopify_…"),
    _meta("shopify", "shopify-digital-wallet"),
    _meta("shopify", "shopify-checkout-api-token"),
    _cdn("shopify", "cdn.shopify.com"),
    _image("shopify", "cdn.shopify.com"),
    _cname("shopify", "shops.myshopify.com"),
    *_networks("shopify", "23.227.38.0/23"),
    _header("wix", "x-wix-request-id"),
    _header("wix", "x-wix-renderer-server"),
    _header("wix", "x-wix-server-artifact-id"),
    _header("wix", "server", r"^Pepyaka", HINT),
    _generator("wix", r"^Wix\.com Website Builder"),
    _cdn("wix", "static.parastorage.com"),
    _image("wix", "static.wixstatic.com"),
    _ns("wix", "wixdns.net"),
    _header("squarespace", "server", r"^Squarespace"),
    Signature(
        "squarespace",
        "script",
        "",
        r"^Static\.SQUARESPACE_CONTEXT\s*=",
        PROOF,
        "a script of the page sets up Squarespace",
    ),
    _cookie("squarespace", r"^SS_", "SS_…", HINT),
    _cookie("squarespace", r"^crumb$", "crumb", WEAK),
    _cdn("squarespace", "static1.squarespace.com"),
    _cname("squarespace", "squarespace.com"),
    *_networks("squarespace", "198.185.159.144/31", "198.49.23.144/31"),
    Signature("webflow", "attribute", "data-wf-site", "", PROOF, "the page carries Webflow's site number"),
    _generator("webflow", r"^Webflow"),
    _cdn("webflow", "website-files.com"),
    _cname("webflow", "proxy-ssl.webflow.com"),
    _cname("webflow", "cdn.webflow.com"),
    _meta("bigcommerce", "platform", r"^bigcommerce"),
    _cdn("bigcommerce", "bigcommerce.com"),
    _cname("bigcommerce", "mybigcommerce.com"),
    _cdn("weebly", "editmysite.com", PROOF),
    _header("weebly", "x-host", r"\.weebly\.net$"),
    *_networks("weebly", "199.34.228.0/22"),
    _cdn("framer", "framerusercontent.com", PROOF),
    _generator("framer", r"^Framer"),
    _header("framer", "server", r"^Framer/"),
    _header("hubspot", "x-hs-hub-id"),
    _generator("hubspot", r"^HubSpot"),
    # Other software
    _generator("ghost", r"^Ghost\b"),
    _header("ghost", "x-ghost-cache-status"),
    _cname("ghost_pro", "ghost.io"),
    Signature("ghost_pro", "meta", "generator", r"^Ghost\b", WEAK, "the page names Ghost as its generator"),
    Signature("ghost_pro", "header", "x-ghost-cache-status", "", WEAK, "the header X-Ghost-Cache-Status is there"),
    _header("drupal", "x-generator", r"^Drupal"),
    _generator("drupal", r"^Drupal"),
    _header("drupal", "x-drupal-cache"),
    _header("drupal", "x-drupal-dynamic-cache"),
    Signature("drupal", "attribute", "data-drupal-selector", "", PROOF, "its forms carry Drupal's marks"),
    _own("drupal", r"^/(?:[\w.-]+/)?sites/(?:default|all)/(?:themes|modules|files)/", "files below /sites/"),
    _own("drupal", r"/core/misc/drupal\.js", "/core/misc/drupal.js"),
    _cookie("drupal", r"^S?SESS[0-9a-f]{32}$", "SESS…", HINT),
    Signature("drupal", "header", "expires", r"^Sun, 19 Nov 1978", HINT, "its pages expired on Drupal's own date"),
    Signature("drupal", "path", "/user/login", r"data-drupal-selector=", HINT, "/user/login shows its sign-in form"),
    _generator("joomla", r"^Joomla!"),
    _header("joomla", "x-content-encoded-by", r"^Joomla!"),
    _own("joomla", r"^/(?:[\w.-]+/)?(?:components/com_|media/system/js/)", "Joomla's files"),
    _cookie("joomla", r"^[0-9a-f]{32}$", "with a name of 32 hex digits", WEAK),
    Signature(
        "joomla",
        "path",
        "/administrator/",
        r"/administrator/templates/",
        HINT,
        "/administrator/ shows its sign-in page",
    ),
    _cookie("magento", r"^X-Magento-Vary$", "X-Magento-Vary"),
    _cookie("magento", r"^mage-(?:cache-storage|translation-)", "mage-…"),
    Signature("magento", "type", "text/x-magento-init", "", PROOF, "the page sets up Magento's scripts"),
    Signature("magento", "attribute", "data-requiremodule", r"^Magento_", PROOF, "the page loads Magento's modules"),
    _header("magento", "x-magento-cache-debug", weight=HINT),
    _own("magento", r"^/(?:[\w.-]+/)?(?:static/version\d+/frontend/|skin/frontend/)", "Magento's files"),
    _cookie("magento", r"^frontend$", "frontend", WEAK),
    Signature("magento", "path", "/magento_version", r"^Magento/\d", PROOF, "/magento_version answers"),
    _cookie("prestashop", r"^PrestaShop-", "PrestaShop-…"),
    _generator("prestashop", r"^PrestaShop"),
    _header("prestashop", "powered-by", r"^PrestaShop"),
    _own("prestashop", r"^/(?:[\w.-]+/)?modules/ps_", "PrestaShop's modules"),
    # Where the visitor's TLS ends
    _header("cloudflare", "cf-ray"),
    _header("cloudflare", "server", r"^cloudflare$"),
    _header("cloudflare", "cf-cache-status", weight=HINT),
    _cookie("cloudflare", r"^(?:__cf_bm|cf_clearance)$", "__cf_bm or cf_clearance", WEAK),
    _ns("cloudflare", "ns.cloudflare.com"),
    *_networks("cloudflare", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13", "104.24.0.0/14"),
    *_networks("cloudflare", "108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18", "162.158.0.0/15", "172.64.0.0/13"),
    *_networks("cloudflare", "173.245.48.0/20", "188.114.96.0/20", "190.93.240.0/20", "197.234.240.0/22"),
    *_networks("cloudflare", "198.41.128.0/17", "2400:cb00::/32", "2405:8100::/32", "2405:b500::/32", "2606:4700::/32"),
    *_networks("cloudflare", "2803:f800::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
    _header("vercel", "x-vercel-id"),
    _header("vercel", "x-vercel-cache"),
    _header("vercel", "server", r"^(?:now|Vercel)$"),
    _cname("vercel", "vercel-dns.com"),
    *_networks("vercel", "76.76.21.21/32", "216.198.79.0/24"),
    _header("netlify", "server", r"^Netlify"),
    _header("netlify", "x-nf-request-id"),
    _cname("netlify", "netlify.app"),
    *_networks("netlify", "75.2.60.5/32"),
    _header("github_pages", "server", r"^GitHub\.com$"),
    _header("github_pages", "x-github-request-id", weight=HINT),
    _cname("github_pages", "github.io"),
    *_networks("github_pages", "185.199.108.0/22"),
    _header("fly", "fly-request-id"),
    _header("fly", "server", r"^Fly/"),
    _header("heroku", "via", r"\bvegur\b"),
    _cname("heroku", "herokudns.com"),
    _header("render", "x-render-origin-server"),
    _cookie("azure_app_service", r"^ARRAffinity", "ARRAffinity", HINT),
    _cname("azure_app_service", "azurewebsites.net"),
    _header("cloudfront", "x-amz-cf-id"),
    _header("cloudfront", "via", r"\(CloudFront\)"),
    _cname("cloudfront", "cloudfront.net"),
    _header("fastly", "x-fastly-request-id"),
    _header("fastly", "x-served-by", r"^cache-", HINT),
    _header("akamai", "x-akamai-transformed"),
    _header("sucuri", "x-sucuri-id"),
    _header("imperva", "x-iinfo", weight=HINT),
    _cookie("imperva", r"^(?:visid_incap_|incap_ses_)", "visid_incap_…", HINT),
    # Panels
    Signature("cpanel", "port", "2083 server", r"^cpsrvd", PROOF, "cPanel answers on port 2083"),
    _cookie("cpanel", r"^(?:cpsession|cprelogin)$", "cpsession"),
    Signature("cpanel", "san", "", r"^cpanel\.", HINT, "its certificate also names cpanel.…"),
    Signature(
        "cpanel", "san", "", r"^(?:webdisk|whm|cpcalendars|cpcontacts)\.", HINT, "its certificate also names webdisk.…"
    ),
    Signature("cpanel", "hop", "", r"^/cgi-sys/defaultwebpage\.cgi", HINT, "it shows cPanel's default page"),
    Signature("cpanel", "comment", "", r"^\s*cPanel", HINT, "a comment in the page is cPanel's"),
    _header("plesk", "x-powered-by", r"^Plesk(?:Lin|Win)"),
    _header("plesk", "x-powered-by-plesk"),
    Signature("plesk", "port", "8443 location", r"/login_up\.php", PROOF, "Plesk's sign-in answers on port 8443"),
    Signature("plesk", "port", "8443 server", r"^sw-cp-server", PROOF, "Plesk answers on port 8443"),
    _meta("plesk", "plesk-build"),
    Signature("plesk", "title", "", r"^Web Server's Default Page$", HINT, "it shows Plesk's default page"),
    Signature("directadmin", "port", "2222 server", r"^DirectAdmin", PROOF, "DirectAdmin answers on port 2222"),
    Signature("hestia", "port", "8083 title", r"^Hestia\b", PROOF, "Hestia answers on port 8083"),
    _header("hostinger", "platform", r"^hostinger$"),
    _header("hostinger", "panel", r"^hpanel$"),
    # Web servers
    _header("nginx", "server", r"^(?:nginx|openresty|Tengine)(?:/|$|\s)"),
    _header("apache", "server", r"^Apache(?:/|$|\s\()"),
    _header("litespeed", "server", r"^(?:Open)?LiteSpeed"),
    _header("litespeed", "x-turbo-charged-by", r"^LiteSpeed"),
    _header("litespeed", "x-litespeed-cache", weight=HINT),
    _header("caddy", "server", r"^Caddy"),
    Signature("caddy", "header", "via", r"\bCaddy\b", HINT, "a proxy on the way names itself Caddy"),
    _header("iis", "server", r"^Microsoft-IIS/"),
    _header("iis", "x-aspnet-version", weight=WEAK),
    _header("iis", "x-powered-by", r"^ASP\.NET", WEAK),
)


@dataclass(frozen=True, slots=True)
class PageSign:
    """What marks a page that is not the site.

    `wall`: somebody keeps robots out; `parked`: nobody lives there yet; `default`: the server's own page, because
    the site is somewhere else or not there yet.
    """

    kind: str
    where: str
    key: str
    pattern: str


PAGE_SIGNS: tuple[PageSign, ...] = (
    PageSign("wall", "header", "cf-mitigated", r"challenge"),
    PageSign("wall", "title", "", r"^(?:Just a moment|Attention Required! \| Cloudflare|Access denied)"),
    PageSign("wall", "frame", "", r"/_Incapsula_Resource"),
    PageSign("wall", "cdn", "", r"(?:^|\.)captcha-delivery\.com/"),
    PageSign("parked", "ns", "", r"(?:^|\.)(?:sedoparking|parkingcrew|bodis|parklogic|cashparking)\.(?:com|net)$"),
    PageSign("parked", "cdn", "", r"(?:^|\.)(?:sedoparking\.com|parkingcrew\.net|bodis\.com)/"),
    PageSign("parked", "cdn", "", r"^img1\.wsimg\.com/parking-lander/"),
    PageSign("parked", "attribute", "data-adblockkey", ""),
    PageSign(
        "default", "title", "", r"^(?:Welcome to nginx|Apache2? (?:\w+ )*Default Page|Test Page for the |Caddy works)"
    ),
    PageSign("default", "title", "", r"^(?:Web Server's Default Page|Domain Default page|IIS Windows)"),
    PageSign("default", "hop", "", r"^/cgi-sys/defaultwebpage\.cgi"),
)

# The attributes for whose sake tags of any name are read.
MARKS = frozenset(
    {one.key for one in SIGNATURES if one.where == "attribute"}
    | {one.key for one in PAGE_SIGNS if one.where == "attribute"}
)
