"""What leaves the portal by unguessable links: a badge and a calendar of expiries."""
