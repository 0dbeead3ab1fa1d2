"""Words about `Fix ACME redirect`."""

from config.lib.errors import Entry, register

FIX = {
    "redirect_needs_webroot": Entry(
        "{host} has no webroot",
        "The challenge path is served from the webroot, and a token there shows whether it is.",
        "Fill in HTTP-01 webroot path, save, and press Fix ACME redirect again.",
    ),
    "redirect_needs_shell": Entry(
        "{username} has no shell on {host}",
        "A web server's configuration is tested and reloaded by commands, which an account for SFTP alone cannot run.",
        "Give {username} a shell, or change the configuration by hand: the documentation has the lines.",
    ),
    "redirect_no_server": Entry(
        "Neither nginx nor Apache runs on {host}",
        "These two are what Fix ACME redirect changes, and neither was among the processes that {username} can see.",
        "Let whatever answers on port 80 there serve /.well-known/acme-challenge/ from the webroot, or use DNS.",
    ),
    "redirect_no_vhost": Entry(
        "Nothing in the configuration on {server} answers http://{host}/",
        "No virtual host for the challenge's port was found in what could be read.{unread}",
        "Make a virtual host for port 80 of this name, or let the account read the configuration.",
    ),
    "redirect_own_location": Entry(
        "{file} has a place of its own for the challenge path",
        "The server block of {host} serves /.well-known/acme-challenge/ from somewhere else, perhaps for another "
        "client, and nginx takes no second one.",
        "Set the webroot of this target to what that location serves, or remove the location.",
    ),
    "redirect_odd_file": Entry(
        "{file} on {host} cannot be changed",
        "It is no plain file, or larger than a configuration that the portal reads.",
        "Change it by hand: the documentation has the lines.",
    ),
    "redirect_needs_rule": Entry(
        "{username} may not change {file} by sudo on {host}",
        "Use sudo for cert install is on, and sudo does not allow what changes this file. Nothing was changed.",
        "Add these lines on the server with sudo visudo -f /etc/sudoers.d/managemycert-redirect, then press Apply this "
        "change again.",
        "{rule}",
    ),
    "redirect_broken_before": Entry(
        "The configuration on {host} has an error already",
        "“{command}” failed before anything was changed. The server said: {output}",
        "Mend that first: with a broken configuration no reload takes anything into use.",
    ),
    "redirect_backup_gone": Entry(
        "The backup of {file} on {host} is gone or was changed",
        "{backup} does not hold what the file held before, so it was not put back.",
        "Take out the lines between the two comments that name managemycert by hand, test and reload.",
    ),
    "redirect_edited_since": Entry(
        "{file} on {host} was edited since",
        "Putting the backup in its place would lose what was edited. It lies in {backup}.",
        "Take out the lines between the two comments that name managemycert by hand, test and reload.",
    ),
    "redirect_nothing_kept": Entry(
        "There is no change of ours to undo on {host}",
        "Fix ACME redirect has not changed anything there, or it was undone already.",
        "There is nothing to do.",
    ),
}

register(FIX)
