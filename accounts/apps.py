from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import catalogue, tasks  # noqa: F401  (they register; apps must be loaded first)
