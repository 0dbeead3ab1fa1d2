"""Apart from `apps.py`, where Django would take it for the app of this room."""

from django.contrib.admin.apps import AdminConfig


class StaffSiteConfig(AdminConfig):
    """Django's admin, opened through our own site."""

    default_site = "accounts.staff_site.StaffSite"
