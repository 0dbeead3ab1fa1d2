from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "certificates"

    def ready(self) -> None:
        # They register; apps must be loaded first.
        from certificates import catalogue, closing, metrics, pages, tasks  # noqa: F401
        from certificates.cas import catalogue as cas_catalogue  # noqa: F401
        from certificates.dns import catalogue as dns_catalogue  # noqa: F401
        from certificates.uploads import catalogue as uploads_catalogue  # noqa: F401
