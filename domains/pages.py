"""This room's own tab."""

from domains import tabs

tabs.register(tabs.Tab("overview", "Overview", "domains:domain-overview", 10))
