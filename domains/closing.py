"""What this room has to do with a workspace that changes, and with one that is to be deleted."""

from accounts.closing import Content, contents
from accounts.workspaces import followers
from config.lib.later import later
from domains.models import Domain

contents.add("domains", Content(Domain, "1 domain", "{} domains", 10))
followers.add("domains", later("domains.interval.follow_interval"))
