"""People, workspaces and what lets them in."""

from accounts.models.chore import Chore
from accounts.models.doors import ApiToken, GoogleIdentity, Session
from accounts.models.mail import PlatformMail
from accounts.models.people import Invitation, Membership, Role, User, UserManager, Workspace, WorkspaceClosing

__all__ = [
    "ApiToken",
    "Chore",
    "GoogleIdentity",
    "Invitation",
    "Membership",
    "PlatformMail",
    "Role",
    "Session",
    "User",
    "UserManager",
    "Workspace",
    "WorkspaceClosing",
]
