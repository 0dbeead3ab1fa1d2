"""Which doorbell to ring after which kind of event. For latency only: the tick would find the rows."""

from auditlog.events import doorbells
from auditlog.kinds import KINDS

doorbells.update({kind: ("reaction",) for kind, meaning in KINDS.items() if meaning.alerts})
