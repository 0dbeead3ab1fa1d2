"""Who may speak TLS without a verified chain: the detection of hosting, a look as a CA takes it, a pinned peer."""

from tests.architecture.sources import ROOMS, called, calls, files, name, parsed

LOOK = "http_unverified_for_detection"
CHALLENGE = "fetch_challenge"
CONTEXT = "context_that_verifies_nothing"
# No chain is verified with it: its caller compares the certificate with the pinned one.
PINNED = "pinned_context"
ALLOWED = {
    LOOK: {"domains/hosting/looking.py"},
    CHALLENGE: {"deploy/http01/probe.py"},
    CONTEXT: {"config/lib/egress/challenge.py", "config/lib/egress/detection.py"},
    PINNED: {"config/lib/egress/http.py"},
}


def test_only_detection_looks_without_verifying() -> None:
    callers = {
        verb: {name(path) for path in files(*ROOMS) if any(called(call) == verb for call in calls(parsed(path)))}
        for verb in ALLOWED
    }
    assert callers == ALLOWED
