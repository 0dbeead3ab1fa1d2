from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import _add_email as email_added
        from allauth.mfa.signals import on_add_email

        from accounts import catalogue, chores, tasks  # noqa: F401  (they register; apps must be loaded first)

        # allauth refuses a new address to whoever has a second factor. Here the old address stays until the new one is
        # confirmed, so that nothing is loosened by adding it.
        email_added.disconnect(on_add_email)
        post_migrate.connect(chores.plan_chores, sender=self, dispatch_uid="chores")
