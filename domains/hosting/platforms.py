"""What can be recognised, and what each means for the certificate. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Parts of a site that do not exclude one another; `edge` is where a visitor's TLS ends before the server."""

    EDGE = "edge"
    SERVER = "server"
    PLATFORM = "platform"
    PANEL = "panel"


LAYER_LABELS: Mapping[str, str] = {
    Layer.EDGE: "in front of it",
    Layer.PLATFORM: "made with",
    Layer.PANEL: "managed with",
    Layer.SERVER: "served by",
}


class Path(StrEnum):
    """How the certificate gets there; the labels are PATHS."""

    MONITOR = "monitor"
    PANEL = "panel"
    ZIP = "zip"
    SSH = "ssh"


@dataclass(frozen=True)
class PathWords:
    """`tab` is the page that the path begins on: `issue` or `deploy`."""

    label: str
    detail: str
    tab: str


PATHS: Mapping[str, PathWords] = {
    Path.MONITOR: PathWords(
        "Monitor only", "We watch the certificate and tell you before it ends; nothing is issued here.", "deploy"
    ),
    Path.PANEL: PathWords(
        "Let's Encrypt (DNS) + panel API",
        "Issue with a TXT record; with API credentials under Install certificate it is pushed by itself.",
        "issue",
    ),
    Path.ZIP: PathWords("DNS + ZIP", "Issue with a TXT record, download the ZIP and upload it yourself.", "issue"),
    Path.SSH: PathWords(
        "SSH deploy", "Issue with a TXT record; we install it over SSH, reload the server and look.", "deploy"
    ),
}


@dataclass(frozen=True)
class Platform:
    """`manages_tls`: the vendor issues and renews, so that nothing can or need be installed.

    `needs` names another platform without which this one is not believed.
    """

    label: str
    layer: Layer
    hint: str
    path: Path
    manages_tls: bool = False
    needs: str = ""


def _vendor(label: str, layer: Layer, note: str = "") -> Platform:
    hint = f"{label} issues and renews the certificate itself; nothing has to be installed."
    return Platform(label, layer, f"{hint} {note}".strip(), Path.MONITOR, manages_tls=True)


def _cdn(label: str, hint: str) -> Platform:
    return Platform(label, Layer.EDGE, hint, Path.ZIP)


def _cms(label: str, needs: str = "") -> Platform:
    hint = f"{label} itself knows nothing of certificates: they belong to the web server or panel below it."
    return Platform(label, Layer.PLATFORM, hint, Path.ZIP, needs=needs)


def _panel(label: str, hint: str = "", path: Path = Path.ZIP) -> Platform:
    return Platform(
        label, Layer.PANEL, hint or f"Upload the ZIP's files in {label}, where it keeps certificates.", path
    )


_PUSHED = "Connect API credentials under Install certificate for automatic push, or upload the ZIP's files in {}."
_FILES = "It reads certificate files: SSH deploy writes them and reloads it."

PLATFORMS: Mapping[str, Platform] = {
    # What the visitor's TLS ends at
    "cloudflare": Platform(
        "Cloudflare",
        Layer.EDGE,
        "Visitors see Cloudflare's edge certificate, and Cloudflare the one of your server. "
        + _PUSHED.format("its dashboard"),
        Path.PANEL,
    ),
    "vercel": _vendor("Vercel", Layer.EDGE),
    "netlify": _vendor("Netlify", Layer.EDGE),
    "github_pages": _vendor("GitHub Pages", Layer.EDGE, "'Enforce HTTPS' is in the repository's Pages settings."),
    "fly": _vendor("Fly.io", Layer.EDGE),
    "heroku": _vendor("Heroku", Layer.EDGE, "Automated Certificate Management must be on for the app."),
    "render": _vendor("Render", Layer.EDGE),
    "wp_engine": _vendor("WP Engine", Layer.EDGE),
    "kinsta": _vendor("Kinsta", Layer.EDGE),
    "pantheon": _vendor("Pantheon", Layer.EDGE),
    "cloudfront": _cdn(
        "CloudFront", "The certificate lives in AWS Certificate Manager: let it renew there, or import the ZIP."
    ),
    "fastly": _cdn(
        "Fastly", "Visitors see the certificate that Fastly holds: let Fastly manage it, or upload the ZIP there."
    ),
    "akamai": _cdn("Akamai", "Visitors see the certificate that Akamai holds: its certificate settings decide."),
    "sucuri": _cdn("Sucuri", "Visitors see the firewall's certificate: let Sucuri renew it, or upload the ZIP there."),
    "imperva": _cdn("Imperva", "Visitors see the certificate that Imperva holds: its site settings decide."),
    "azure_app_service": _cdn(
        "Azure App Service", "Bind a managed certificate there, or import the ZIP's files as a PFX in its TLS settings."
    ),
    # What the site is made with
    "shopify": _vendor("Shopify", Layer.PLATFORM),
    "wix": _vendor("Wix", Layer.PLATFORM),
    "squarespace": _vendor("Squarespace", Layer.PLATFORM),
    "webflow": _vendor("Webflow", Layer.PLATFORM),
    "bigcommerce": _vendor("BigCommerce", Layer.PLATFORM),
    "weebly": _vendor("Weebly", Layer.PLATFORM),
    "framer": _vendor("Framer", Layer.PLATFORM),
    "hubspot": _vendor("HubSpot", Layer.PLATFORM),
    "wordpress_com": _vendor("WordPress.com", Layer.PLATFORM),
    "ghost_pro": _vendor("Ghost(Pro)", Layer.PLATFORM),
    "wordpress": _cms("WordPress"),
    "woocommerce": _cms("WooCommerce", needs="wordpress"),
    "ghost": _cms("Ghost"),
    "drupal": _cms("Drupal"),
    "joomla": _cms("Joomla"),
    "magento": _cms("Magento"),
    "prestashop": _cms("PrestaShop"),
    # What the server is managed with
    "cpanel": _panel("cPanel", _PUSHED.format("SSL/TLS") + " AutoSSL may replace it again.", Path.PANEL),
    "plesk": _panel("Plesk", _PUSHED.format("SSL/TLS Certificates"), Path.PANEL),
    "directadmin": _panel("DirectAdmin"),
    "hestia": _panel("Hestia"),
    "hostinger": _panel("Hostinger", "Upload the ZIP's files in hPanel under SSL, or let Hostinger issue its own."),
    # What answers
    "nginx": Platform("Nginx", Layer.SERVER, f"{_FILES} It may be only a proxy in front of another server.", Path.SSH),
    "apache": Platform("Apache", Layer.SERVER, _FILES, Path.SSH),
    "caddy": Platform(
        "Caddy",
        Layer.SERVER,
        "Caddy issues and renews by itself; before you replace its certificate, turn that off in its configuration.",
        Path.MONITOR,
    ),
    "litespeed": Platform(
        "LiteSpeed",
        Layer.SERVER,
        "It reads Apache's configuration, and is mostly run below a panel: upload there.",
        Path.ZIP,
    ),
    "iis": Platform(
        "IIS", Layer.SERVER, "It wants a PFX: convert the ZIP's files, then bind the certificate.", Path.ZIP
    ),
}
