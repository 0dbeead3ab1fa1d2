"""Our side of the visits: reads rounds from stdin, answers with the CPU seconds that each took."""

import json
import resource
import sys
from typing import Any

from django.conf import settings

from config.lib import clock, x509
from domains.tls import Target, visit_many


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    roots = x509.load_roots(settings.TLS_EXTRA_CA_BUNDLE)

    def visit(order: dict[str, Any]) -> None:
        targets = [
            Target(name, order["port"], http=order["http"], plain_port=None, address=address)
            for name, address in order["hosts"]
        ]
        for seen in visit_many(targets, in_flight=order["in_flight"]):
            verdict = x509.verdict(seen.ders, seen.target.host, clock.now(), roots)
            if seen.outcome or verdict.problems or (order["http"] and seen.page and seen.page.status != 200):
                raise RuntimeError(f"{seen.target.host}: {seen.outcome} {verdict.problems} {seen.page}")

    for line in sys.stdin:
        before = _cpu_seconds()
        visit(json.loads(line))
        print(json.dumps({"cpu_seconds": _cpu_seconds() - before}), flush=True)


if __name__ == "__main__":
    main()
