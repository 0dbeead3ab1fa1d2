"""What stands between a wish and the CA: which names, and whether one is on file already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import Workspace
from certificates.cas.known import MOST_NAMES, Ca, ca_at
from certificates.keys import DEFAULT_KEY_TYPE, KEY_TYPES
from certificates.models import Advice, Certificate, CertificateName, names_key
from certificates.solvers import MANUAL
from certificates.window import days_left_to_open, shown_days, window_opens_at
from config.lib import clock, egress
from config.lib.errors import ExpectedError, NeedsUser, Transient
from domains.ownership import proofs_of, require_ownership

# What people may ask for; HTTP-01 belongs to a mode.
CHALLENGES = ("dns-01",)


@dataclass(frozen=True)
class Wish:
    """What somebody wants issued; the same wish is never ordered twice at a time.

    `solver` is who publishes the proofs, of certificates.solvers; it is no part of what is ordered.
    """

    names: tuple[str, ...]
    directory_url: str
    challenge: str = "dns-01"
    profile: str = ""
    key_type: str = DEFAULT_KEY_TYPE
    solver: str = MANUAL

    @property
    def names_key(self) -> str:
        return names_key(self.names)


def read_wish(
    names: Sequence[str], *, challenge: str = "", directory_url: str = "", profile: str = "", key_type: str = ""
) -> Wish:
    """The wish in its one spelling, for the portal's own CA where no directory is named. Asks nobody.

    Raises NeedsUser with the code of what is wrong. Whether a workspace may use a CA, `choose_ca` says.
    """
    ca = ca_at(directory_url or settings.ACME_DIRECTORY_URL)
    if challenge and challenge not in CHALLENGES:
        raise NeedsUser("challenge_unknown", challenge=challenge)
    wish = Wish(
        names=clean_names(names, most=ca.most_names(profile)),
        directory_url=ca.directory_url,
        challenge=challenge or "dns-01",
        profile=profile[:64],
        key_type=_key_type(ca, key_type),
    )
    if ca.refuses_redundant:
        refuse_redundant(wish.names)
    return wish


def _key_type(ca: Ca, key_type: str) -> str:
    if not key_type:
        return DEFAULT_KEY_TYPE if DEFAULT_KEY_TYPE in (ca.key_types or KEY_TYPES) else ca.key_types[0]
    if key_type not in KEY_TYPES:
        raise NeedsUser("key_type_unknown", key_type=key_type, known=list(KEY_TYPES))
    if ca.key_types and key_type not in ca.key_types:
        raise NeedsUser("key_type_not_there", key_type=key_type, ca=ca.label, known=list(ca.key_types))
    return key_type


def clean_names(names: Sequence[str], *, most: int = MOST_NAMES) -> tuple[str, ...]:
    """Lower-case A-labels in the order given, each once; `*.` may stand before a host name."""
    cleaned = tuple(dict.fromkeys(_clean_name(name) for name in names if name.strip()))
    if not cleaned:
        raise NeedsUser("names_missing")
    if len(cleaned) > most:
        raise NeedsUser("names_too_many", count=len(cleaned), most=most)
    return cleaned


def _clean_name(name: str) -> str:
    name = name.strip()
    base = name.removeprefix("*.")
    host = egress.parse_hostname(base)
    return host if base == name else f"*.{host}"


def refuse_redundant(names: Sequence[str]) -> None:
    for name in names:
        wildcard = f"*.{name.partition('.')[2]}"
        if not name.startswith("*.") and wildcard in names:
            raise NeedsUser("names_redundant", name=name, wildcard=wildcard)


def require_proofs(workspace: Workspace, names: Sequence[str], before_look: Callable[[], None]) -> None:
    """Live proof of every name, as `require_ownership` asks for it. Blocks; worker only.

    `before_look` is called before each host's look-up: a hundred of them outlast any lease.
    """
    failed: dict[type[ExpectedError], list[str]] = {NeedsUser: [], Transient: []}
    for group in _by_proof(workspace, names):
        before_look()
        try:
            require_ownership(workspace=workspace, names=group)
        except (NeedsUser, Transient) as error:
            failed[type(error)].extend(error.params["names"])
    if failed[NeedsUser]:
        raise NeedsUser("ownership_missing", names=sorted(failed[NeedsUser]))
    if failed[Transient]:
        raise Transient("ownership_unclear", names=sorted(failed[Transient]))


def was_issued(workspace: Workspace, names: Sequence[str]) -> bool:
    """Whether this workspace has certificates on file, issued here, that hold each of `names` as it is written."""
    rows = CertificateName.objects.for_workspace(workspace).filter(certificate__source=Certificate.Source.ACME)
    known = rows.filter(name__in=names).values_list("name", flat=True)
    return set(names) <= set(known)


def _by_proof(workspace: Workspace, names: Sequence[str]) -> list[list[str]]:
    """The names that the same proofs cover, together: they share their look-ups."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        key = tuple(proof.pk for proof in proofs_of(workspace=workspace, name=name))
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def require_open_window(workspace: Workspace, wish: Wish) -> None:
    """Raise `issuance_window` while a certificate for the same wish is on file and far from its end."""
    certificate = blocking_certificate(workspace, wish)
    if certificate is None:
        return
    life = {"min_days_left": settings.ACME_ISSUE_MIN_DAYS_LEFT}
    left = days_left_to_open(certificate.not_before, certificate.not_after, **life)
    opens = window_opens_at(certificate.not_before, certificate.not_after, **life)
    raise NeedsUser(
        "issuance_window",
        names=list(certificate.names),
        days=shown_days(left),
        opens=f"{opens:%Y-%m-%d}",
        certificate=str(certificate.pk),
    )


def blocking_certificate(workspace: Workspace, wish: Wish) -> Certificate | None:
    """The valid certificate on file for the same names, key type, CA and profile, if its window is closed."""
    now = clock.now()
    rows = Certificate.objects.for_workspace(workspace).filter(
        names_key=wish.names_key,
        source=Certificate.Source.ACME,
        directory_url=wish.directory_url,
        profile=wish.profile,
        key_type=wish.key_type,
        not_before__lte=now,
        not_after__gte=now,
        private_key__isnull=False,
        revoked_at=None,
    )
    # Two that were issued within a second end in the same one, and the earlier may be open.
    certificate = rows.order_by("-not_after", "-created_at").first()
    if certificate is None or is_open(certificate, now):
        return None
    return certificate


def is_open(certificate: Certificate, now: datetime) -> bool:
    """Whether a successor may be ordered: its time has come, little life is left, or its CA wants it replaced."""
    if certificate.renew_at and now >= certificate.renew_at:
        return True
    opens = window_opens_at(
        certificate.not_before, certificate.not_after, min_days_left=settings.ACME_ISSUE_MIN_DAYS_LEFT
    )
    return now >= opens or is_wanted_by_ca(certificate)


def is_wanted_by_ca(certificate: Certificate) -> bool:
    """Whether the CA, asked for people who renew it by hand, wants it replaced before its time."""
    rows = Advice.objects.for_workspace(certificate.workspace_id).filter(domain=certificate.domain_id)
    return str(certificate.pk) in (rows.values_list("wanted", flat=True).first() or [])
