"""Hosting panels at the wire, written from their vendors' documents: over TLS, on loopback."""
