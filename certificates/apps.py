from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "certificates"

    def ready(self) -> None:
        from certificates import catalogue, pages, tasks  # noqa: F401  (they register; apps must be loaded first)
