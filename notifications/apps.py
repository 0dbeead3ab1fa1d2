from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import catalogue, furnishing, pages, tasks  # noqa: F401  (they register; apps must be loaded first)
