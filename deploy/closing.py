"""What people see of this room before a workspace is deleted."""

from accounts.closing import Content, contents
from deploy.models import PanelAccount, Server

contents.add("servers", Content(Server, "1 server with its SSH key", "{} servers with their SSH keys", 30))
contents.add(
    "panels",
    Content(PanelAccount, "1 hosting panel with its credential", "{} hosting panels with their credentials", 31),
)
