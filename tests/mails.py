"""Mails as tests read them: what was written to VAR_DIR/mail."""

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path


class Mails:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[EmailMessage]:
        return [self._read(path) for path in sorted(self._folder.glob("*.eml"))]

    def to(self, address: str) -> EmailMessage:
        (mail,) = [mail for mail in self.all() if mail["To"] == address]
        return mail

    def _read(self, path: Path) -> EmailMessage:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        return mail


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
