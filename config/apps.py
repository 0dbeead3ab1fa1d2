from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import celery, reactions  # noqa: F401  (every process may ring; models must be loaded first)
        from config.lib import egress_catalogue  # noqa: F401  (every process may tell of an error that is stored)
