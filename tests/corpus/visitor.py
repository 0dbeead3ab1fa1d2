"""Visits in a process of its own, so that its memory is that of the visits alone.

    python -m tests.corpus.visitor < order.json

The order: `{"good": port, "hostile": [[port, protocol], …], "tls_seconds", "http_seconds"}`. The answer, one line of
JSON: what was seen of each, the growth of the peak memory in KB, the seconds, and what the good one showed afterwards.
"""

import json
import resource
import sys
import time
from typing import Any

import django
from django.conf import settings

from tests.corpus.table import HOST


def main() -> None:
    django.setup()
    from ipaddress import ip_network

    from domains.protocols import opener_of
    from domains.tls import Target, visit_many

    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    order: dict[str, Any] = json.load(sys.stdin)

    def target(port: int, protocol: str = "tls") -> Target:
        opener = opener_of(protocol)
        return Target(HOST, port, http=not opener, plain_port=None, address="127.0.0.1", opener=opener)

    seconds = {"tls_seconds": order["tls_seconds"], "http_seconds": order["http_seconds"]}
    # What is loaded and cached once is no growth.
    visit_many([target(order["good"])], **seconds)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    seen = visit_many([target(port, protocol) for port, protocol in order["hostile"]], **seconds)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = {
        "seen": [
            {
                "outcome": one.outcome,
                "status": one.page.status if one.page else None,
                "milliseconds": one.milliseconds,
                "page_milliseconds": one.page.milliseconds if one.page else 0,
            }
            for one in seen
        ],
        "grown_kb": after - before,
        "seconds": took,
        "afterwards": visit_many([target(order["good"])], **seconds)[0].outcome,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
