"""What renewals and deployments cost, and whether they are paid for."""

from billing.charging import Gate, gate

__all__ = ["Gate", "gate"]
