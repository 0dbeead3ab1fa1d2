"""Secrets at rest open in their own place only."""

import copy
import json
import pickle
import uuid
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from accounts.models import PlatformMail
from config.lib.errors import Permanent
from config.lib.sealed import Sealed, seal, unseal

CANARY = b"canary-secret-0451"
OLD, NEW = b"o" * 32, b"n" * 32


def stored_text(row: PlatformMail) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed_context FROM accounts_platformmail WHERE id = %s", [_key(row)])
        return str(cursor.fetchone()[0])


def _key(row: PlatformMail) -> Any:
    return row.pk.hex if connection.vendor == "sqlite" else row.pk


def make_mail() -> PlatformMail:
    return PlatformMail.objects.create(to="ann@acme.test", template="x", sealed_context=Sealed.of(CANARY))


@pytest.mark.django_db
@pytest.mark.both_databases
def test_a_secret_comes_back_and_is_not_stored_in_clear() -> None:
    row = make_mail()
    assert CANARY.decode() not in stored_text(row)
    assert PlatformMail.objects.get(pk=row.pk).sealed_context.reveal() == CANARY


@pytest.mark.django_db
def test_the_stored_form_is_hex_iv_tag_ciphertext() -> None:
    iv, tag, ciphertext = stored_text(make_mail()).split(":")
    assert (len(iv), len(tag), len(ciphertext)) == (24, 32, 2 * len(CANARY))


@pytest.mark.django_db
def test_saving_again_keeps_the_secret_and_takes_a_fresh_iv() -> None:
    row = PlatformMail.objects.get(pk=make_mail().pk)
    first = stored_text(row)
    row.sealed_context = Sealed.of(row.sealed_context.reveal())
    row.save(update_fields=["sealed_context"])
    assert stored_text(row) != first
    assert PlatformMail.objects.get(pk=row.pk).sealed_context.reveal() == CANARY


@pytest.mark.django_db
def test_a_blob_moved_to_another_row_does_not_open() -> None:
    one, other = make_mail(), make_mail()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_platformmail SET sealed_context = %s WHERE id = %s", [stored_text(one), _key(other)]
        )
    with pytest.raises(Permanent, match="secret_unreadable"):
        _ = PlatformMail.objects.get(pk=other.pk).sealed_context


@pytest.mark.parametrize("part", [0, 1, 2])
def test_every_part_of_the_place_is_bound(part: int) -> None:
    place = ["purpose", str(uuid.uuid4()), str(uuid.uuid4())]
    blob = seal(CANARY, context="|".join(place).encode())
    place[part] = "another"
    with pytest.raises(Permanent):
        unseal(blob, context="|".join(place).encode())


@pytest.mark.parametrize("position", [0, 30, -1])
def test_one_changed_digit_does_not_open(position: int) -> None:
    blob = list(seal(CANARY, context=b"here"))
    blob[position] = "0" if blob[position] != "0" else "1"
    with pytest.raises(Permanent):
        unseal("".join(blob), context=b"here")


def test_retired_keys_still_open_and_new_seals_use_the_current_one(settings: Any) -> None:
    settings.SECRETS_ENCRYPTION_KEYS = (OLD,)
    blob = seal(CANARY, context=b"here")
    settings.SECRETS_ENCRYPTION_KEYS = (NEW, OLD)
    assert unseal(blob, context=b"here") == CANARY
    settings.SECRETS_ENCRYPTION_KEYS = (NEW,)
    with pytest.raises(Permanent, match="secret_unreadable"):
        unseal(blob, context=b"here")


def test_a_process_without_a_key_opens_nothing(settings: Any) -> None:
    blob = seal(CANARY, context=b"here")
    settings.SECRETS_ENCRYPTION_KEYS = ()
    with pytest.raises(Permanent, match="encryption_key_missing"):
        unseal(blob, context=b"here")


@pytest.mark.django_db
def test_a_row_loads_without_the_key_as_long_as_nobody_looks(settings: Any) -> None:
    row = make_mail()
    settings.SECRETS_ENCRYPTION_KEYS = ()
    loaded = PlatformMail.objects.get(pk=row.pk)
    assert loaded.to == "ann@acme.test"
    with pytest.raises(Permanent):
        _ = loaded.sealed_context


@pytest.mark.django_db
def test_update_bulk_update_and_filters_refuse_a_secret() -> None:
    row = make_mail()
    for value in ("in clear", Sealed.of("sealed in memory")):
        with pytest.raises(FieldError):
            PlatformMail.objects.filter(pk=row.pk).update(sealed_context=value)
        with pytest.raises(FieldError):
            PlatformMail.objects.filter(sealed_context=value).exists()
    row.sealed_context = Sealed.of("another")
    with pytest.raises(FieldError):
        PlatformMail.objects.bulk_update([row], ["sealed_context"])


@pytest.mark.django_db
def test_assigning_a_secret_in_clear_is_refused() -> None:
    with pytest.raises(TypeError):
        PlatformMail(to="a@b.test", template="x", sealed_context="in clear")


def test_a_sealed_value_does_not_show_itself() -> None:
    value = Sealed.of(CANARY)
    shown = f"{value} {value!r} {value:>30} {[value]}" + "%s" % value  # noqa: UP031  (logging formats like this)
    assert CANARY.decode() not in shown
    for leak in (pickle.dumps, json.dumps, copy.copy):
        with pytest.raises(TypeError):
            leak(value)
