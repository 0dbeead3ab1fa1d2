"""The two ways in which the outside says no."""

from config.lib.errors import NeedsUser, Transient


class Refused(NeedsUser):
    """The portal does not talk to that: `egress_refused` whatever answers there, `tls_other_certificate` to another
    certificate than the pinned one."""


class Unreachable(Transient):
    """The other side could not be used just now.

    Codes: dns_nxdomain, dns_no_address, dns_failed, connect_refused, connect_timeout,
    connect_unreachable, deadline_exceeded, too_large, tls_failed, http_failed, smtp_failed. `was_written`: part of
    an HTTP request had gone out by then, so that the other side may have acted on it.
    """

    was_written = False
