"""Hosting panels: each one's module ends in its PANEL, and `known` has all of them."""
