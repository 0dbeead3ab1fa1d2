"""gunicorn's own lines, in the portal's format."""

import logging.config
import os
from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

# gunicorn's parent process reads this before any worker loads the application.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class PortalLogger(Logger):
    """Hands everything to the root logger, which redacts and formats it; set up before the first worker starts."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
