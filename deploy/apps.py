from django.apps import AppConfig


class DeployConfig(AppConfig):
    name = "deploy"

    def ready(self) -> None:
        # They register; apps must be loaded first.
        from deploy import catalogue, closing, pages, paying, serving, tasks  # noqa: F401
        from deploy.http01 import catalogue as http01_catalogue  # noqa: F401
        from deploy.http01 import registering  # noqa: F401
        from deploy.panels import catalogue as panels_catalogue  # noqa: F401
        from deploy.panels import leaving  # noqa: F401
        from deploy.readiness import catalogue as readiness_catalogue  # noqa: F401
        from deploy.redirects import catalogue as redirects_catalogue  # noqa: F401
