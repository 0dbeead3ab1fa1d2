"""Sign-in by e-mail address and password."""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress

from accounts.models import User

# The address's verified owner and whoever signed up with it last.
TRIED = 2


class EmailBackend(AuthenticationBackend):
    """Tries the verified owner of the address, then whoever made an account with it last.

    allauth asks only the verified one when there is one. Then whoever made a second account with a
    stranger's address could sign in again only when the stranger has none: an answer to a question
    that sign-up does not answer. A failed sign-in always costs TRIED hashes, for neither its time
    nor its load may depend on how many accounts there are.
    """

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        users = _candidates(email)
        for user in users:
            if self._check_password(user, password):
                return user
        for _ in range(TRIED - len(users)):
            self._did_check_password = True
            self._mitigate_timing_attack(password)
        return None


def _candidates(email: str) -> list[User]:
    users: set[User] = set(filter_users_by_email(email, for_login=True))
    owners = set(EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user_id", flat=True))
    newest = sorted(users, key=lambda user: user.date_joined, reverse=True)
    return sorted(newest, key=lambda user: user.pk not in owners)[:TRIED]
