"""Tickets and alerts that live at other services: opened once, added to, closed with their cause."""
