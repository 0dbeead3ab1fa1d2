"""This room's own tabs."""

from domains import tabs

tabs.register(tabs.Tab("alerts", "Alerts", "notifications:domain-alerts", 45))
