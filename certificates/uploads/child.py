"""The process in which an upload is read: `python -m certificates.uploads.child`, one JSON in, one JSON out.

It limits itself before anything of the upload is looked at. It knows no setting, no key of the portal and no
database; the private key leaves through the pipe and nowhere else.
"""

import base64
import json
import math
import resource
import sys
from datetime import datetime
from typing import Any

CPU_SECONDS = 3
MEMORY_BYTES = 256 * 1024 * 1024


def limit_itself(*, already_used: float = 0) -> None:
    """From here on; `already_used` are CPU seconds that this process has had before."""
    seconds = CPU_SECONDS + math.ceil(already_used)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the private key
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """What is to be stored, or the code of what is wrong."""
    from certificates.uploads.checking import check
    from certificates.uploads.reading import read_material
    from certificates.uploads.shown import described
    from config.lib import x509
    from config.lib.errors import ExpectedError

    try:
        material = read_material(base64.b64decode(given["content"]), given["password"])
        roots = x509.load_roots(*given["bundles"])
        own = [base64.b64decode(one) for one in given["roots"]]
        if own:
            # One that cannot be read vouches for nothing, and must not stand in the way of every upload.
            roots = x509.roots_with(roots, [der for der in own if x509.is_storable(der)])
        return described(check(material, given["host"], datetime.fromisoformat(given["now"]), roots))
    except ExpectedError as error:
        return {"code": error.code, "params": error.params}


def main() -> None:
    limit_itself()
    sys.stdout.write(json.dumps(answer(json.loads(sys.stdin.read()))))


if __name__ == "__main__":
    main()
