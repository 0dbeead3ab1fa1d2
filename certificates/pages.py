"""This room's tab on the domain's page."""

from domains import tabs

tabs.register(tabs.Tab("lets-encrypt", "Let's Encrypt", "certificates:domain-issue", 20))
