"""This room's own tabs."""

from domains import tabs

tabs.register(tabs.Tab("overview", "Overview", "domains:domain-overview", 10))
tabs.register(tabs.Tab("uptime", "Site uptime", "domains:domain-uptime", 40))
