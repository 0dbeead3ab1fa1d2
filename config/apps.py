from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from auditlog.pages import tasks  # noqa: F401  (its room lies below the chores that it adds to)
        from config import celery, pausing, reactions  # noqa: F401  (every process may ring and work; models come first)
        from config.lib import among, egress_catalogue  # noqa: F401  (a look-up, and words for every process)
