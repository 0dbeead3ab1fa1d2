"""Our engine alone, without database: visits everything at once, and says how much memory that took."""

import json
import sys

from django.conf import settings

from config.lib import clock, x509
from domains.tls import Target, visit_many
from tests.bench.memory import peak_mb


def main() -> None:
    order = json.loads(sys.stdin.readline())
    targets = [Target(name, order["port"], plain_port=None) for name in order["names"]]
    roots = x509.load_roots(settings.TLS_EXTRA_CA_BUNDLE)
    for seen in visit_many(targets, in_flight=len(targets)):
        verdict = x509.verdict(seen.ders, seen.target.host, clock.now(), roots)
        if seen.outcome or verdict.problems or not seen.page or seen.page.status != 200:
            raise RuntimeError(f"{seen.target.host}: {seen.outcome} {verdict.problems} {seen.page}")
    print(json.dumps({"peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
