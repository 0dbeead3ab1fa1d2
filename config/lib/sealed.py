"""Secrets at rest: AES-256-GCM, stored as hex `iv(12):authTag(16):ciphertext`.

The associated data binds a blob to its purpose, row and workspace: moved to another row,
column or tenant it does not open. The stored form carries no key id; the current key is
tried first, then the retired ones, and GCM's tag answers.
"""

import hmac
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from config.lib.errors import Permanent

IV_BYTES = 12
TAG_BYTES = 16
FINGERPRINT_DIGITS = 16


class Sealed:
    """A secret in memory. It shows itself to nobody but the caller of `reveal`."""

    __slots__ = ("_plain",)

    def __init__(self, plain: bytes) -> None:
        self._plain = plain

    @classmethod
    def of(cls, secret: bytes | str) -> "Sealed":
        return cls(secret.encode() if isinstance(secret, str) else secret)

    def reveal(self) -> bytes:
        """The secret in clear. Callers are listed by a test; keep the result local."""
        return self._plain

    def reveal_text(self) -> str:
        return self._plain.decode()

    def __repr__(self) -> str:
        return "Sealed(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealed value is never pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self._plain == other._plain

    def __hash__(self) -> int:
        return hash(self._plain)

    def __bool__(self) -> bool:
        return bool(self._plain)


def seal(plain: bytes, *, context: bytes) -> str:
    """Encrypt with the current key under a fresh random IV; the only encrypting call there is."""
    iv = os.urandom(IV_BYTES)
    boxed = AESGCM(_keys()[0]).encrypt(iv, plain, context)
    return ":".join(part.hex() for part in (iv, boxed[-TAG_BYTES:], boxed[:-TAG_BYTES]))


def unseal(stored: str, *, context: bytes) -> bytes:
    """Decrypt a stored blob; Permanent('secret_unreadable') when no key opens it in this place."""
    return opened(stored, context=context)[1]


def reseal(stored: str, *, context: bytes) -> str:
    """The blob under the current key: itself when that opens it, else sealed anew. Raises as `unseal`."""
    index, plain = opened(stored, context=context)
    return seal(plain, context=context) if index else stored


def fingerprints() -> list[str]:
    """What names each key without telling it, the current key's first."""
    return [hmac.digest(key, b"name of this key", "sha256").hex()[:FINGERPRINT_DIGITS] for key in _keys()]


def opened(stored: str, *, context: bytes) -> tuple[int, bytes]:
    """Which key opens the blob (0: the current one), and what is in it; raises as `unseal`."""
    try:
        iv, tag, ciphertext = (bytes.fromhex(part) for part in stored.split(":"))
    except ValueError as error:
        raise Permanent("secret_unreadable") from error
    for index, key in enumerate(_keys()):
        try:
            return index, AESGCM(key).decrypt(iv, ciphertext + tag, context)
        except InvalidTag:
            continue
    raise Permanent("secret_unreadable")


def _keys() -> Sequence[bytes]:
    keys = settings.SECRETS_ENCRYPTION_KEYS
    if not keys:
        raise Permanent("encryption_key_missing", role=settings.ROLE)
    return tuple(keys)


class SealedField(models.TextField):
    """A text column whose value is a `Sealed`; None and empty pass through unencrypted.

    `purpose` is part of the associated data and must never change for existing rows.
    Reading is lazy: a row loaded by a process without the key works until somebody reveals.
    """

    # What the type checker's Django plugin takes for the attribute's type; never read otherwise.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def __init__(self, *args: Any, purpose: str, workspace_attr: str | None = "workspace_id", **kwargs: Any) -> None:
        self.purpose = purpose
        self.workspace_attr = workspace_attr
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose, "workspace_attr": self.workspace_attr}

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only=private_only)
        setattr(cls, name, _Opening(self))

    def context(self, row: models.Model) -> bytes:
        workspace = getattr(row, self.workspace_attr) if self.workspace_attr else "-"
        return f"{self.purpose}|{row.pk}|{workspace}".encode()

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        value = model_instance.__dict__.get(self.attname)
        if not isinstance(value, Sealed):
            return value
        return seal(value.reveal(), context=self.context(model_instance))

    def get_prep_value(self, value: Any) -> Any:
        """Every write and every filter comes through here, so nothing in clear reaches the database."""
        if value in (None, "") or looks_sealed(value):
            return super().get_prep_value(value)
        raise FieldError(f"{self.name}: sealing happens in save(); update() and filters take no secret")


class _Opening:
    """Attribute access: the stored text becomes a `Sealed` when it is looked at."""

    def __init__(self, field: SealedField) -> None:
        self.field = field

    def __get__(self, row: models.Model | None, owner: type) -> Any:
        if row is None:
            return self
        if self.field.attname not in row.__dict__:
            row.refresh_from_db(fields=[self.field.attname])
        value = row.__dict__[self.field.attname]
        if not value or isinstance(value, Sealed):
            return value
        return Sealed(unseal(value, context=self.field.context(row)))

    def __set__(self, row: models.Model, value: Any) -> None:
        if value and not isinstance(value, Sealed) and not looks_sealed(value):
            raise TypeError(f"{self.field.name} takes a Sealed, not a secret in clear")
        row.__dict__[self.field.attname] = value


def looks_sealed(value: object) -> bool:
    """Whether it has our stored form: three hex parts of the right lengths."""
    if not isinstance(value, str):
        return False
    parts = value.split(":")
    hexadecimal = all(set(part) <= set("0123456789abcdef") for part in parts)
    return hexadecimal and [len(part) for part in parts[:2]] == [2 * IV_BYTES, 2 * TAG_BYTES] and len(parts) == 3
