"""Rotation reseals every place, loses no writer's word, and says what is left."""

import ast
from collections.abc import Iterator
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.db import models
from pytest_django import Settings

from accounts.models import PlatformMail
from config.lib.sealed import Sealed, SealedField, fingerprints
from config.rotating import RESEALED, reseal_batch, reseal_everything
from config.sealed_places import BATCH, UNREADABLE, Place, count_by_key, places
from tests.architecture.sources import called, calls, files, name, parsed
from tests.cast import Cast, make_cast, make_user
from tests.rows import Rows, owned_models

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

OLD, NEW, LOST = b"o" * 32, b"n" * 32, b"l" * 32
SECRET = b"the word behind the seal"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _old_key(settings: Settings) -> None:
    settings.SECRETS_ENCRYPTION_KEYS = (OLD,)


def said(*words: str) -> None:
    return


def make_mail(word: bytes = SECRET) -> PlatformMail:
    return PlatformMail.objects.create(to="ann@acme.test", template="x", sealed_context=Sealed.of(word))


def word_of(mail: PlatformMail) -> bytes:
    return bytes(PlatformMail.objects.get(pk=mail.pk).sealed_context.reveal())


def mails() -> Place:
    return next(place for place in places() if place.model is PlatformMail)


def one_in_every_place(cast: Cast) -> None:
    rows = Rows(cast.acme, cast.admin)
    for model in {place.model for place in places()} & set(owned_models()):
        row = rows.of(model)
        fields = [field.attname for field in _sealed_fields(model)]
        for column in fields:
            setattr(row, column, Sealed.of(SECRET))
        row.save(update_fields=fields)
    make_mail()
    user = make_user("second@example.org")
    TOTP.activate(user, "a totp secret")
    RecoveryCodes.activate(user)


def _sealed_fields(model: type[models.Model]) -> Iterator[SealedField]:
    return (field for field in model._meta.concrete_fields if isinstance(field, SealedField))


def test_every_place_is_resealed_and_opens_with_the_new_key_alone(cast: Cast, settings: Settings) -> None:
    one_in_every_place(cast)
    (old,) = fingerprints()
    before = count_by_key()
    assert before == {old: before[old]}
    assert before[old] == len(places()) + 1  # the person has two second factors
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    assert reseal_everything(said) == {RESEALED: before[old], UNREADABLE: 0}
    settings.SECRETS_ENCRYPTION_KEYS = (NEW,)
    assert count_by_key() == {fingerprints()[0]: before[old]}
    person = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    assert len(RecoveryCodes(person).get_unused_codes()) == 10


def test_a_second_run_changes_nothing(cast: Cast, settings: Settings) -> None:
    one_in_every_place(cast)
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    reseal_everything(said)
    first = list(PlatformMail.objects.values_list("sealed_context", flat=True))
    assert reseal_everything(said)[RESEALED] == 0
    assert list(PlatformMail.objects.values_list("sealed_context", flat=True)) == first


def test_whoever_writes_between_reading_and_resealing_wins(settings: Settings) -> None:
    mail = make_mail()
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    (batch,) = mails().batches()
    mail.sealed_context = Sealed.of(b"written meanwhile")
    mail.save(update_fields=["sealed_context"])
    assert reseal_batch(mails(), batch) == {RESEALED: 0}
    assert word_of(mail) == b"written meanwhile"


def test_a_second_factor_that_is_used_meanwhile_stays_used(settings: Settings) -> None:
    codes = RecoveryCodes.activate(make_user("second@example.org"))
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    place = next(place for place in places() if place.model is Authenticator)
    (batch,) = place.batches()
    assert codes.validate_code(codes.get_unused_codes()[0])
    reseal_batch(place, batch)
    reseal_everything(said)
    assert len(RecoveryCodes(Authenticator.objects.get()).get_unused_codes()) == 9


def test_more_than_a_batch_is_gone_through(settings: Settings) -> None:
    words = {b"%d" % number for number in range(2 * BATCH + 1)}
    PlatformMail.objects.bulk_create(
        PlatformMail(to="ann@acme.test", template="x", sealed_context=Sealed.of(word)) for word in words
    )
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    assert reseal_everything(said)[RESEALED] == len(words)
    settings.SECRETS_ENCRYPTION_KEYS = (NEW,)
    assert {mail.sealed_context.reveal() for mail in PlatformMail.objects.all()} == words


def test_what_no_key_opens_is_left_alone_and_told(settings: Settings) -> None:
    mail = make_mail()
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, LOST)
    with pytest.raises(CommandError, match="1 open with none of your keys"):
        call_command("rotate_encryption_key", stdout=StringIO())
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    out = StringIO()
    call_command("rotate_encryption_key", stdout=out)
    assert "1 values resealed; 1 are under the current key" in out.getvalue()
    assert "take SECRETS_ENCRYPTION_KEYS_OLD away" in out.getvalue()
    assert word_of(mail) == SECRET


def test_every_caller_that_seals_is_a_place_that_is_known() -> None:
    """A value sealed elsewhere would be forgotten by rotation, and lost with the old key."""
    callers = {name(path) for path in files() if any(called(call) == "seal" for call in calls(parsed(path)))}
    assert callers == {"accounts/mfa.py", "config/lib/sealed.py"}
    imports = {
        name(path)
        for path in files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == "config.lib.sealed"
        if {"seal", "unseal"} & {alias.name for alias in node.names}
    }
    assert imports == {"accounts/mfa.py"}
