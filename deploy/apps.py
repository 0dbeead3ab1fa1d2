from django.apps import AppConfig


class DeployConfig(AppConfig):
    name = "deploy"

    def ready(self) -> None:
        from deploy import catalogue, pages, serving, tasks  # noqa: F401  (they register; apps must be loaded first)
