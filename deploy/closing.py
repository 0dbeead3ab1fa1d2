"""What people see of this room before a workspace is deleted."""

from accounts.closing import Content, contents
from deploy.models import Server

contents.add("servers", Content(Server, "1 server with its SSH key", "{} servers with their SSH keys", 30))
