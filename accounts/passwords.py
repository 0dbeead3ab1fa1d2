"""Which passwords are refused: those that a guesser tries first. The lists are in packages; no network is asked."""

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

# Of 4: about 10^8 guesses, which our limits and Argon2id put out of reach.
GOOD_ENOUGH = 3
# zxcvbn's time grows with the length and, steeply, with how many different signs may stand for letters: a made-up
# password of 72 such signs takes it ten seconds. Within these bounds it ends in a tenth of one.
JUDGED = 40
JUDGED_OF_SIGNS = 16
SIGNS = frozenset("4@8({[</369&#!1|0$5+7%2")
MANY_SIGNS = 12


class GuessedPasswordValidator:
    """Refuses what is in Django's list of breached passwords, and what zxcvbn finds variations and patterns in."""

    def __init__(self) -> None:
        self.common = CommonPasswordValidator()

    def validate(self, password: str, user: Any = None) -> None:
        self.common.validate(password, user)
        verdict = zxcvbn(_judged(password), user_inputs=_known_words(user))
        if verdict["score"] < GOOD_ENOUGH:
            words = ["This password is easy to guess.", verdict["feedback"]["warning"], self.get_help_text()]
            raise ValidationError(" ".join(each for each in words if each), code="password_guessable")

    def get_help_text(self) -> str:
        return "Three or four words that do not belong together make a good one."


def _judged(password: str) -> str:
    """The part that decides; what follows cannot make a password easier."""
    return password[: JUDGED_OF_SIGNS if len(SIGNS & set(password)) > MANY_SIGNS else JUDGED]


def _known_words(user: Any) -> list[str]:
    """What a guesser knows of this person and this portal."""
    email = getattr(user, "email", "") or ""
    return [word for word in (email, *email.replace("@", ".").split("."), settings.SITE_NAME) if word]
