from django.apps import AppConfig


class DeployConfig(AppConfig):
    name = "deploy"

    def ready(self) -> None:
        # They register; apps must be loaded first.
        from deploy import catalogue, closing, pages, paying, serving, tasks  # noqa: F401
