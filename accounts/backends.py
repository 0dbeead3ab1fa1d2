"""Sign-in by e-mail address and password."""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress

from accounts.models import User


class EmailBackend(AuthenticationBackend):
    """Tries every account with the address, its verified owner's first.

    allauth asks only the verified one when there is one. Then whoever made a second account with a
    stranger's address could sign in again only when the stranger has none: an answer to a question
    that sign-up does not answer.
    """

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        users: list[User] = filter_users_by_email(email, for_login=True)
        owners = set(EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user_id", flat=True))
        for user in sorted(users, key=lambda user: user.pk not in owners):
            if self._check_password(user, password):
                return user
        return None
