"""The TXT records of an issuance: how they are shown, what was seen of them, and when to look."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from publicsuffixlist import PublicSuffixList

from certificates.dns import mistakes
from certificates.models import Authorization, DnsLook, Issuance
from config.lib import clock, egress, jobs
from config.lib.egress import ServerAnswer
from config.lib.errors import ExpectedError, NeedsUser

LOOK_SECONDS = 20.0
LOOKS_AT_ONCE = 8
# While somebody watches: often enough to feel live, rarely enough to be nobody's burden.
LOOK_EVERY = timedelta(seconds=4)
WATCHED_FOR = timedelta(seconds=40)
VALUES_KEPT = 5
LOOKED = ("seen", "servers", "alias", "zone", "mistake", "seen_at")
# So many names are also looked for where a form that doubles the zone puts them: one tells it of all.
DOUBLED_LOOKS = 3


def host_label(fqdn: str, zone: str = "") -> str:
    """The name as a DNS provider's form wants it: relative to its zone, else to the registrable domain.

    `_acme-challenge.shop.example.com` is `_acme-challenge.shop` in the zone example.com.
    """
    zone = zone or zone_of(fqdn)
    return fqdn.removesuffix(f".{zone}") if zone and zone != fqdn else fqdn


def zone_of(fqdn: str) -> str:
    """The registrable domain; "" where there is none."""
    return _suffixes().privatesuffix(fqdn) or ""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def judge_record(answers: Iterable[ServerAnswer], value: str) -> tuple[str, list[dict[str, Any]]]:
    """('seen' | 'partly_seen' | 'not_seen', one entry per server) for one value at one name.

    A server that said nothing usable neither confirms nor contradicts: the CA asks another one too.
    """
    servers = [
        {
            "server": answer.server,
            "seen": value in (answer.values or []),
            "values": (answer.values or [])[:VALUES_KEPT],
            "error": answer.error,
        }
        for answer in answers
    ]
    told = [entry["seen"] for entry, answer in zip(servers, answers, strict=True) if answer.values is not None]
    if told and all(told):
        return Authorization.Seen.SEEN, servers
    return (Authorization.Seen.PARTLY_SEEN if any(told) else Authorization.Seen.NOT_SEEN), servers


def look_at_records(authorizations: Sequence[Authorization]) -> None:
    """Ask the name servers and set what LOOKED names on each row. Blocks; saves nothing."""
    wanted = [row for row in authorizations if not row.is_proven]
    names = sorted({row.txt_name for row in wanted})
    if not names:
        return
    deadline = egress.Deadline(LOOK_SECONDS)
    answers = _look_up_all(names, deadline)
    for row in wanted:
        found = answers[row.txt_name]
        row.seen, row.servers = judge_record(found, row.txt_value)
        row.alias = next((answer.via for answer in found if answer.via), "")[:255]
        row.zone = next((answer.zone for answer in found if answer.zone), row.zone)[:255]
        row.mistake = _mistake_of(row, found, wanted)
        row.seen_at = clock.now()
    _look_where_the_zone_is_doubled([row for row in wanted if _is_nowhere(row)], deadline)


def _look_up_all(names: Sequence[str], deadline: egress.Deadline) -> dict[str, list[ServerAnswer]]:
    with ThreadPoolExecutor(min(len(names), LOOKS_AT_ONCE)) as pool:
        found = list(pool.map(lambda name: _look_up(name, deadline), names))
    return dict(zip(names, found, strict=True))


def _mistake_of(row: Authorization, answers: Sequence[ServerAnswer], rows: Sequence[Authorization]) -> str:
    if row.seen == Authorization.Seen.SEEN:
        return ""
    if any(answer.error == mistakes.ALIAS_LOOP for answer in answers):
        return mistakes.ALIAS_LOOP
    siblings = {other.txt_value for other in rows if other.txt_name == row.txt_name and other.pk != row.pk}
    return mistakes.mistake_in(row.txt_value, (value for one in answers for value in one.values or ()), siblings)


def _is_nowhere(row: Authorization) -> bool:
    """Every server that said something said that there is nothing."""
    return not row.mistake and bool(row.servers) and not any(entry["values"] for entry in row.servers)


def _look_where_the_zone_is_doubled(rows: Sequence[Authorization], deadline: egress.Deadline) -> None:
    doubled = {row.txt_name: name for row in rows if (name := doubled_name(row))}
    names = sorted(doubled.values())[:DOUBLED_LOOKS]
    if not names:
        return
    answers = _look_up_all(names, deadline)
    for row in rows:
        found = answers.get(doubled.get(row.txt_name, ""), [])
        if any(row.txt_value in (answer.values or ()) for answer in found):
            row.mistake = mistakes.DOUBLED


def doubled_name(row: Authorization) -> str:
    return mistakes.doubled_name(row.txt_name, row.zone or zone_of(row.txt_name))


def mistake_in_words(row: Authorization) -> str:
    """What seems to have gone wrong with this record; "" when nothing is known of it."""
    return mistakes.in_words(row.mistake, doubled_name(row))


def _look_up(name: str, deadline: egress.Deadline) -> list[ServerAnswer]:
    try:
        return egress.lookup_txt(name, deadline)
    except ExpectedError as error:
        return [ServerAnswer("the name servers", None, error.code)]


def save_seen(authorizations: Iterable[Authorization]) -> None:
    """Write what `look_at_records` set. A look that was overtaken by a later one is dropped."""
    for row in authorizations:
        older = Authorization.unscoped.filter(pk=row.pk).exclude(seen_at__gt=row.seen_at or clock.now())
        older.update(**{name: getattr(row, name) for name in LOOKED})


def missing_records(authorizations: Iterable[Authorization]) -> NeedsUser | None:
    """`dns_txt_not_found` naming every record that is not everywhere yet; None when all are."""
    missing = [row for row in authorizations if not row.is_proven and row.seen != Authorization.Seen.SEEN]
    if not missing:
        return None
    return NeedsUser(
        "dns_txt_not_found",
        names=sorted({row.txt_name for row in missing}),
        values=[row.txt_value for row in missing],
        seen=" ".join(dict.fromkeys([*sorted({_seen_in_words(row) for row in missing}), *_mistakes(missing)])),
        paste="\n".join(f'{row.txt_name}. IN TXT "{row.txt_value}"' for row in missing),
    )


def _mistakes(rows: Iterable[Authorization]) -> list[str]:
    return sorted({words for row in rows if (words := mistake_in_words(row))})


def _seen_in_words(row: Authorization) -> str:
    told = [entry for entry in row.servers if not entry["error"] or entry["values"]]
    values = sorted({value for entry in row.servers for value in entry["values"]})
    if row.seen == Authorization.Seen.PARTLY_SEEN:
        return f"{row.txt_name} is on {seen_count(row)} of {len(row.servers)} name servers."
    if values:
        return f"{row.txt_name} holds other values: {', '.join(values[:VALUES_KEPT])}."
    if not told and any(entry["error"] not in ("nxdomain", "no_answer") for entry in row.servers):
        return f"{row.txt_name} could not be looked up ({row.servers[0]['error']})."
    return f"{row.txt_name} has no TXT record."


def seen_count(row: Authorization) -> int:
    return sum(bool(entry["seen"]) for entry in row.servers)


def keep_looking(issuance: Issuance) -> None:
    """Somebody watches: look now and again until WATCHED_FOR after the last call. Cheap, repeatable."""
    if not issuance.is_waiting_for_person:
        return
    now = clock.now()
    look, is_new = DnsLook.unscoped.get_or_create(
        issuance=issuance,
        defaults={
            "workspace_id": issuance.workspace_id,
            "wanted_until": now + WATCHED_FOR,
            "run_after": now,
            "priority": jobs.INTERACTIVE,
        },
    )
    if is_new or _wake(look, now):
        jobs.ring("dns_look", interactive=True)


def _wake(look: DnsLook, now: datetime) -> bool:
    if look.wanted_until > now + WATCHED_FOR / 2:
        return False
    rows = DnsLook.unscoped.filter(pk=look.pk)
    rows.update(wanted_until=now + WATCHED_FOR)
    return bool(rows.filter(run_after=None).update(run_after=now, priority=jobs.INTERACTIVE))


def work_looks(batch: Sequence[DnsLook]) -> None:
    """One look at each row's records; the next one is due while somebody still watches."""
    for look in batch:
        rows = list(look.issuance.authorizations.all())
        look_at_records(rows)
        now = clock.now()
        look.refresh_from_db(fields=["wanted_until"])
        goes_on = look.issuance.is_waiting_for_person and missing_records(rows) and now < look.wanted_until
        look.finish(
            run_after=now + LOOK_EVERY if goes_on else None,
            priority=jobs.INTERACTIVE,
            looked_at=now,
            also=partial(save_seen, rows),
        )
        if goes_on:
            jobs.ring("dns_look", interactive=True, after=LOOK_EVERY)


def stop_looking(look: DnsLook, error: ExpectedError) -> None:
    """A look that fails for good only leaves the page without fresh marks; the next watcher starts anew."""
    look.finish(error_code=error.code, error_params=jobs.storable(error.params))
