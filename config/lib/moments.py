"""Moments out of other people's hands: query parameters and cursors."""

from datetime import UTC, datetime


def parse_moment(text: str) -> datetime:
    """RFC 3339 with a zone, as UTC. Raises ValueError, also where UTC lies outside the calendar."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the calendar") from error
