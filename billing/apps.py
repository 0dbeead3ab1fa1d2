from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        # They register; apps must be loaded first.
        from billing import catalogue, checks, closing, tasks  # noqa: F401
