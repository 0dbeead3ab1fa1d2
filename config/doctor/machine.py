"""This machine: settings, files, disk, clock."""

import ctypes
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import checks

from config.doctor.findings import Finding, broken, ok, warning
from config.lib import clock

GIB = 1024**3
LITTLE, NEARLY_NOTHING = 1 * GIB, GIB // 10
# adjtimex(2): what it answers while nothing keeps the clock right. A structure of zeros asks and changes nothing.
TIME_ERROR = 5
TIMEX_BYTES = 512


def check_settings() -> Iterator[Finding]:
    """They were read, or no command would run; here is what is allowed and seldom meant."""
    for message in checks.run_checks():
        if message.is_silenced():
            continue
        told = broken if message.is_serious() else warning
        yield told(f"{message.id}: {message.msg}", message.hint or "Change the setting that it names.")
    if settings.DEBUG:
        yield warning("DEBUG is on: errors show source and settings to everybody", "Take DEBUG away from .env.")
    if settings.IS_HTTPS and not settings.TRUSTED_PROXY_COUNT:
        yield warning(
            "SITE_URL is https and TRUSTED_PROXY_COUNT is 0: behind a proxy everybody has the proxy's address, and one "
            "person's wrong passwords stop all",
            "Set TRUSTED_PROXY_COUNT to the number of proxies in front.",
        )
    if not settings.DEBUG and not (settings.STATIC_ROOT / "staticfiles.json").is_file():
        yield warning("static files were never collected here", "`make run` does it; else: manage.py collectstatic.")
    yield ok(f"they can be used; the portal is {settings.SITE_NAME} at {settings.SITE_URL}")


def check_files() -> Iterator[Finding]:
    """Who else can read what the portal keeps in files."""
    for path in (settings.VAR_DIR, settings.BASE_DIR / ".env"):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield warning(f"{path} is open to others ({mode:04o})", f"chmod go= {path}")
    usage = shutil.disk_usage(settings.VAR_DIR)
    told = f"{usage.free / GIB:.1f} of {usage.total / GIB:.1f} GiB are free at {settings.VAR_DIR}"
    if usage.free < NEARLY_NOTHING:
        yield broken(told, "Make room: a full disk stops SQLite, logs and backups.")
    elif usage.free < LITTLE:
        yield warning(told, "Make room, or move VAR_DIR.")
    else:
        yield ok(told)


def check_clock() -> Iterator[Finding]:
    """What can be known without asking anybody for the time; the database's and the CA's clock tell more."""
    yield _kernel_says()


def _kernel_says() -> Finding:
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state == TIME_ERROR:
        return warning(
            "the kernel says that nothing keeps its clock right (in a container it may not know)",
            "Let chrony or systemd-timesyncd keep the clock: certificates, tokens and signatures depend on it.",
        )
    if state < 0:
        return warning("whether anything keeps the clock right cannot be known here", "Look at `timedatectl`.")
    return ok(f"the kernel's clock is kept right; it says {clock.now():%Y-%m-%d %H:%M:%S} UTC")


def running_here() -> dict[str, Path]:
    """The pid files of `manage.py run` in this VAR_DIR whose processes live, by the process's name."""
    found = {}
    for path in sorted((settings.VAR_DIR / "run").glob("*.pid")):
        pid = path.read_text(encoding="ascii").strip()
        if pid.isdigit() and Path(f"/proc/{pid}").exists():
            found[path.stem] = path
    return found
