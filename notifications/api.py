"""The API about alerts: each part's own operations."""

from notifications.gateways import api as gateways_api  # noqa: F401  (it registers its own operations)
from notifications.incidents import api as incidents_api  # noqa: F401  (it registers its own operations)
from notifications.rules import api as rules_api  # noqa: F401  (it registers its own operations)
from notifications.wordings import api as wordings_api  # noqa: F401  (it registers its own operations)
