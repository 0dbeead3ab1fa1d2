"""The catalogue's words about installing by sudo; a part of deploy.catalogue."""

from config.lib.errors import Entry

SUDO = {
    "sudo_failed": Entry(
        "“{command}” failed on {host}",
        "It was run by sudo for {path}. The server said: {output}",
        "Run it by hand on the server as {username}, after sudo -n, to see what is in its way.",
    ),
    "directory_not_roots": Entry(
        "{path} on {host} does not belong to root alone",
        "Whoever may write there could lead root's hand to other files while {directory} gets its certificate.",
        "Give it to root, or turn off Use sudo for cert install and let {username} write there.",
        "sudo chown root: {path}\nsudo chmod o-w {path}",
    ),
    "tools_cannot_look": Entry(
        "{username} cannot look into {path} on {host}",
        "The rule for mkdir, cp, chmod, chown and rm has nothing that looks, so what lies there stays unknown.",
        "Use the generated rule instead: sudo visudo -f /etc/sudoers.d/managemycert-install",
        "{rule}",
    ),
    "owner_unknown": Entry(
        "{owner} does not exist on {host}",
        "The files cannot be given to a user or a group that is not there. Nothing was changed.",
        "Correct Set owner:group, or make the user and the group on the server.",
    ),
    "owner_denied": Entry(
        "{username} may not give {path} to {owner} on {host}",
        "Only root gives files away. The server said: {output}",
        "Turn on Use sudo for cert install, or leave Set owner:group empty.",
    ),
}
