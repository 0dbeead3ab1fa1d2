from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "certificates"

    def ready(self) -> None:
        from certificates import catalogue  # noqa: F401  (it registers; apps must be loaded first)
