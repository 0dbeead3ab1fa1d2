"""`make bench`: measure, print a table, write var/bench.json."""

import sys

from tests.bench import audit, crowd, deploys, issuances, scale, visits
from tests.bench.figures import table, write
from tests.servers.places import ROOT


def main() -> int:
    measured = (visits, scale, issuances, crowd, deploys, audit)
    figures = [figure for one in measured for figure in one.measure()]
    write(figures, ROOT / "var" / "bench.json")
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
