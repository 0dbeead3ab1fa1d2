"""What people see of this room before a workspace is deleted."""

from accounts.closing import Content, contents
from domains.models import Domain

contents.add("domains", Content(Domain, "1 domain", "{} domains", 10))
