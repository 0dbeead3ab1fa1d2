"""Findings as incidents: acknowledged with a note, and the Alerts tab of a domain."""
