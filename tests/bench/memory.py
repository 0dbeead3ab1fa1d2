"""How much memory a process has needed."""

from pathlib import Path


def peak_mb() -> float:
    """The most that this process has held since it was started: not what its parent held before."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
