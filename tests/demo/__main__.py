"""`make demo`: start everything, walk the main job, stay up. DEMO_EXIT=1 stops by itself.

Exit status 0 means that nginx was seen serving the certificate that was issued.
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from types import FrameType

from tests.demo.client import RefusedError
from tests.demo.habitat import HOST, NAMES, Habitat, habitat
from tests.demo.screen import Screen
from tests.demo.walk import EMAIL, PASSWORD, Walk, WalkError, run_steps, sign_in
from tests.servers.places import ROOT
from tests.servers.ports import NotReadyError

STOPS_BY_ITSELF = os.environ.get("DEMO_EXIT", "") not in ("", "0")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAskedError(BaseException):
    """Ctrl-C or SIGTERM; a BaseException, so that nothing on the way takes it for a failure."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not cut the tidying-up short.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise StopAskedError


def walk_all(screen: Screen, world: Habitat) -> bool:
    """Whether every step had its outcome."""
    title = "Create a workspace"
    screen.running(title)

    def before(next_title: str) -> None:
        nonlocal title
        title = next_title
        screen.running(title)

    try:
        with closing(sign_in(world)) as client:
            screen.done(title, f"{EMAIL}, by manage.py bootstrap_workspace")
            run_steps(Walk(world, client), before, screen.done)
    except (WalkError, RefusedError, NotReadyError, RuntimeError, OSError, LookupError) as error:
        screen.failed(title, f"{type(error).__name__}: {error}")
        return False
    return True


def _show_what_next(screen: Screen, world: Habitat) -> None:
    portal = world.portal
    screen.title("It is yours now", "Ctrl-C stops everything")
    screen.fact("portal", portal.url)
    screen.fact("login", f"{EMAIL}   {PASSWORD}")
    screen.fact("nginx", f"openssl s_client -connect 127.0.0.1:{world.web.https_port} -servername {HOST} </dev/null")
    screen.fact("TXT record", f'curl -d \'{{"host": "NAME.", "value": "…"}}\' {world.dns.management_url}/set-txt')
    screen.fact("logs", str(portal.log_dir))
    screen.title("What to try next")
    screen.write(f"    Open {HOST} in the portal: its lifeline, and the Activity log of the run just made.")
    screen.write("    Issue once more under Let's Encrypt, publishing the records with the curl line above.")
    screen.write("    Change the reload command to one that fails, deploy, and read what the portal says to do.")
    screen.write("    Read docs/walk.sh: the same walk with nothing but curl.\n")


def _keep_logs(place: Path) -> Path:
    """The portal's logs outlive a failed run."""
    kept = ROOT / "var" / "demo-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    if (place / "var" / "logs").is_dir():
        shutil.copytree(place / "var" / "logs", kept)
    return kept


def _run(screen: Screen, place: Path) -> int:
    screen.title("ManageMyCert: the main job on real servers", ", ".join(NAMES))

    def started(what: str, detail: str) -> None:
        screen.done(what, detail)
        screen.running("Starting what comes next")

    try:
        with habitat(place, say=started) as world:
            screen.clear()
            screen.title("The walk", "through the running portal, over its REST API")
            success = walk_all(screen, world)
            if success and not STOPS_BY_ITSELF:
                _show_what_next(screen, world)
                threading.Event().wait()
    except NotReadyError as error:
        screen.failed("A server did not start", str(error))
        success = False
    if not success:
        screen.write(f"\n  What the portal logged is kept in {_keep_logs(place)}")
    return 0 if success else 1


def main() -> int:
    for number in SIGNALS:
        signal.signal(number, _stop)
    screen = Screen()
    place = Path(tempfile.mkdtemp(prefix=f"mmc-{os.getpid()}-demo-"))
    try:
        status = _run(screen, place)
    except StopAskedError:
        # No failure, whichever step it was in, unless an outcome was awaited.
        status = 1 if STOPS_BY_ITSELF else 0
    finally:
        shutil.rmtree(place, ignore_errors=True)
    screen.write(f"\n  Everything is stopped, after {screen.elapsed():.1f} s.\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
