from django.apps import AppConfig


class DomainsConfig(AppConfig):
    name = "domains"

    def ready(self) -> None:
        from domains import catalogue, closing, metrics, pages, tasks  # noqa: F401  (they register; apps must be loaded first)
