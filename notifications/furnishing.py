"""What this room puts into new workspaces, and how it follows their settings."""

from accounts.workspaces import followers, furnishers
from config.lib.later import later
from domains.automation import choosers

furnishers.add("alert rules", later("notifications.rules.defaults.make_default_rules"))
followers.add("alert rules", later("notifications.rules.watching.follow_cooldown"))
followers.add("digests", later("notifications.rules.digests.follow_zone"))
choosers.add("boxes", later("notifications.renewing.boxes.choose_ways"))
