"""This room's tab on the domain's page."""

from domains import tabs

tabs.register(tabs.Tab("deploy", "Renew & deploy", "deploy:domain-deploy", 30))
