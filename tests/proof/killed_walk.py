"""One walk whose workers are killed at named places: run alone, so that many can run at the same time.

    python -m tests.proof.killed_walk PLACE[,PLACE…]

Prints one line of JSON: which places killed, how many certificates and orders the CA has seen, and
whether nginx serves the one that was issued. Exit status 1 with the failed step otherwise.
"""

import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.demo.habitat import HOST, habitat
from tests.demo.walk import Walk, run_steps, sign_in

# A dead worker's lease has to run out before the next one may continue.
PATIENCE = 240.0


def _quiet(*_text: str) -> None:
    return


def killed_walk(places: str) -> dict[str, object]:
    """Walk to the end, whoever dies on the way."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="killed-walk-") as name:
        kills = Path(name) / "kills"
        kills.mkdir()
        with habitat(Path(name), settings={"MMC_CRASH_AT": places, "MMC_CRASH_DIR": str(kills)}) as world:
            with closing(sign_in(world)) as client:
                walk = Walk(world, client, patience=PATIENCE)
                run_steps(walk, _quiet, _quiet)
            return {
                "killed_at": sorted(path.name for path in kills.iterdir()),
                "certificates": world.pebble.issued_count(),
                "orders": world.pebble.order_count(),
                "is_served": world.web.fingerprint(HOST) == walk.certificate["fingerprint_sha256"],
                "seconds": round(time.monotonic() - started, 1),
            }


if __name__ == "__main__":
    print(json.dumps(killed_walk(sys.argv[1])))
