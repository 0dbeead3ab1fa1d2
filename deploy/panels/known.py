"""Every panel that we know."""

from config.lib.registry import Registry
from deploy.panels import cloudflare, cpanel, plesk
from deploy.panels.panel import Panel

panels: Registry[Panel] = Registry("hosting panels")
for _module in (cpanel, plesk, cloudflare):
    panels.add(_module.PANEL.name, _module.PANEL)
