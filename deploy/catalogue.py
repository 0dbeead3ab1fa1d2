"""Words of this room's codes: what happened, why, what to do, and what to paste."""

from config.lib.errors import Entry, register
from deploy.sudo_words import SUDO
from deploy.undo_words import UNDO

KEYGEN = 'ssh-keygen -t ed25519 -f ./mmc-deploy-ed25519 -C "managemycert deploy"'
AUTHORIZE = (
    "sudo install -d -m 700 -o {username} -g {username} /home/{username}/.ssh\n"
    "sudo tee -a /home/{username}/.ssh/authorized_keys < mmc-deploy-ed25519.pub\n"
    "sudo chown {username}:{username} /home/{username}/.ssh/authorized_keys\n"
    "sudo chmod 600 /home/{username}/.ssh/authorized_keys"
)
RETRIED = "The portal tries again by itself; Deploy now tries at once."

KEYS = {
    "ssh_key_unreadable": Entry(
        "This is not a private key",
        "No private key in OpenSSH, PEM or PKCS#8 form was found in it, or a part of it is missing.",
        "Paste the whole file, from the line BEGIN to the line END, or make a new pair.",
        KEYGEN,
    ),
    "ssh_key_is_public": Entry(
        "This is the public half of a key",
        "The portal signs in with the private half; the public one belongs on the server.",
        "Paste the file without .pub at the end of its name.",
    ),
    "ssh_key_passphrase_needed": Entry(
        "The private key has a passphrase",
        "It is encrypted, and no passphrase was given.",
        "Enter its passphrase too, or make a key for the portal that has none.",
    ),
    "ssh_key_passphrase_alone": Entry(
        "The passphrase came without its private key",
        "A key on file keeps the passphrase that it came with, and one that is made here has none.",
        "Paste the private key too, or leave the passphrase empty.",
    ),
    "ssh_key_passphrase_wrong": Entry(
        "The passphrase does not open the private key",
        "It is another passphrase, or the key was damaged while it was copied.",
        "Try it on your own machine: it asks for the passphrase and prints the public half.",
        "ssh-keygen -y -f ./mmc-deploy-ed25519",
    ),
    "ssh_key_unsupported": Entry(
        "This kind of key cannot be used ({kind})",
        "The portal signs in with ed25519, ECDSA (P-256, P-384, P-521) or RSA keys of 2048 bits and more.",
        "Make an ed25519 key and put its public half on the server.",
        KEYGEN,
    ),
    "server_key_missing": Entry(
        "There is no private key for {host}",
        "Without it the portal cannot sign in there.",
        "Paste the private key into the form and save it.",
    ),
}

CONNECTIONS = {
    "ssh_host_not_found": Entry(
        "{host} has no address",
        "The name does not exist in the DNS, or it has neither an A nor an AAAA record.",
        "Check the spelling of the SSH host; it is a name or an address that this portal can reach.",
    ),
    "ssh_refused": Entry(
        "{host} refused the connection on port {port}",
        "The host is there, and nothing listens on this port.",
        "Check the SSH port, and on the server that sshd runs. " + RETRIED,
        "sudo ss -tlnp | grep sshd",
    ),
    "ssh_timeout": Entry(
        "{host} did not answer in time",
        "Nothing came for {seconds} s during the step: {step}. A firewall that drops packets looks like this, and so "
        "does a command that never ends.",
        "Let this portal's address through to port {port} in the server's firewall and in the provider's. " + RETRIED,
        "sudo ss -tlnp | grep ':{port} '\nsudo iptables -L -n -v\nsudo nft list ruleset\nsudo ufw status",
    ),
    "ssh_unreachable": Entry(
        "There is no way to {host}",
        "The network says that it cannot be reached from here.",
        "Check that the host is up and has a public address. " + RETRIED,
    ),
    "ssh_closed": Entry(
        "{host} closed the connection",
        "It ended during the step: {step}. Servers do that when too many connections come (MaxStartups), when a "
        "filter such as fail2ban blocks the portal, or while they restart.",
        "Look into the server's SSH log. " + RETRIED,
        "sudo journalctl -u ssh -n 50",
    ),
    "ssh_not_ssh": Entry(
        "{host} speaks no SSH on port {port}",
        "Something else answers there.",
        "Check the SSH port; web servers listen on 80 and 443, SSH usually on 22.",
    ),
    "ssh_no_common_algorithm": Entry(
        "{host} and this portal have no way of encryption in common",
        "Its SSH server is too old, or it is set to algorithms that are no longer considered safe.",
        "Update OpenSSH on the server to 7.4 or later.",
    ),
    "ssh_host_key_untrusted": Entry(
        "The host key of {host} is not trusted yet",
        "Nothing is written to a server whose identity nobody has accepted. The key that it showed last: {seen}",
        "Press Test SSH, compare the fingerprint with what the server itself prints, then press Trust this key.",
        "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done",
    ),
    "ssh_host_key_changed": Entry(
        "{host} has another host key than the trusted one",
        "Trusted is {expected}, it showed {seen}. Either the server was installed anew, or something between it and "
        "this portal answers in its place. The portal stopped before it signed in.",
        "Compare the fingerprint with what the server itself prints. Only if they are the same press Trust this key.",
        "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done",
    ),
    "ssh_auth_failed": Entry(
        "{host} does not let {username} in with this key",
        "The user does not exist there, or the key's public half ({public_key}) is not in authorized_keys.",
        "Install the public half on the server, then press Test SSH.",
        AUTHORIZE,
    ),
    "ssh_publickey_off": Entry(
        "{host} accepts no keys from {username}",
        "It offers only: {offered}. The portal signs in by key and by nothing else.",
        "Allow it in /etc/ssh/sshd_config, reload sshd, then press Test SSH.",
        "PubkeyAuthentication yes",
    ),
    "ssh_second_factor": Entry(
        "{host} wants more than the key from {username}",
        "After the key it also asks for: {offered}. Nobody is there to answer when the portal deploys.",
        "Exempt this user in /etc/ssh/sshd_config.",
        "Match User {username}\n    AuthenticationMethods publickey",
    ),
    "ssh_no_shell": Entry(
        "{username} may not run commands on {host}",
        "The account is for SFTP only, or the server allows one session per connection (MaxSessions 1), so files can "
        "be written and reload commands cannot be run.",
        "Leave the reload commands empty and reload by other means, or give the account a shell and two sessions.",
        "sudo usermod --shell /bin/bash {username}",
    ),
    "sftp_off": Entry(
        "{host} offers no SFTP to {username}",
        "Files are written over SFTP, which this server or this account does not have.",
        "Switch it on in /etc/ssh/sshd_config, then reload sshd.",
        "Subsystem sftp internal-sftp",
    ),
    "sftp_broken": Entry(
        "The SFTP server of {host} gives answers that make no sense",
        "It may print text where none belongs, for instance from a shell's start-up file.",
        "Check that this prints nothing: ssh {username}@{host} true",
    ),
}

FILES = {
    "mkdir_denied": Entry(
        "mkdir: cannot create directory {path} on {host}: Permission denied",
        "The directory is not there, and the one above it is not {username}'s to write.",
        "mkdir denied, enable Use sudo for cert install; or make it once as root and give it to the user. Then press "
        "Deploy now.",
        "sudo install -d -m 755 -o {username} -g {username} {path}",
    ),
    "path_denied": Entry(
        "{username} may not {deed} {path} on {host}",
        "Permission denied: the file or its directory belongs to somebody else.",
        "Give the directory to the user as root, then press Deploy now.",
        "sudo chown {username}: {directory}\nsudo chmod u+rwx {directory}",
    ),
    "path_missing": Entry(
        "{path} went away on {host}",
        "Something else removed it while the portal was at work.",
        "Check what else writes into {directory}, then press Deploy now.",
    ),
    "path_failed": Entry(
        "{host} could not {deed} {path}",
        "Its SFTP server says no more than that it failed. A file with the immutable attribute looks like this.",
        "Look at the directory as root.",
        "sudo ls -la {directory}\nsudo lsattr {directory}",
    ),
    "disk_full": Entry(
        "The disk of {host} is full",
        "There was no room for {path}. Nothing was replaced.",
        "Make room there, then press Deploy now.",
        "df -h {directory}",
    ),
    "disk_read_only": Entry(
        "The file system of {directory} on {host} is read-only",
        "Servers switch to that after disk errors.",
        "Look for the reason, make it writable again, then press Deploy now.",
        "sudo dmesg | tail -n 50\nsudo mount -o remount,rw {directory}",
    ),
    "directory_is_a_file": Entry(
        "{path} is a file",
        "It is listed as a certificate directory.",
        "List the directory that holds your certificates; the form shows the files that will be written.",
    ),
    "path_is_not_a_file": Entry(
        "{path} is in the way",
        "It is a directory or something else that is no file.",
        "Choose another directory or other file names.",
    ),
    "path_is_not_a_directory": Entry(
        "{path} is in the way",
        "The portal keeps its own files under this name, and there is something else with it.",
        "Look at it as root, and remove it if you know what it is.",
        "sudo ls -la {path}",
    ),
}

INPUT = {
    "directory_not_allowed": Entry(
        "{path} cannot be a certificate directory",
        "It has to be an absolute path of letters, digits and . _ @ + - / without .., and none of the system's own "
        "directories.",
        "Use a directory such as /etc/nginx/ssl/example.com.",
    ),
    "directories_too_many": Entry(
        "Too many certificate directories",
        "A server takes at most {limit}.",
        "Remove some, or add the server a second time for the others.",
    ),
    "file_name_not_allowed": Entry(
        "{name} cannot be a file name",
        "File names have letters, digits and . _ - and do not begin with a dot or a dash.",
        "Use a name such as server.crt.",
    ),
    "file_names_same": Entry(
        "Two files have the same name",
        "One would overwrite the other.",
        "Give each of the four files a name of its own.",
    ),
    "owner_not_allowed": Entry(
        "{owner} cannot be an owner",
        "An owner is a user, or a user and a group with a colon between them.",
        "Write it as opensips:opensips.",
    ),
    "username_not_allowed": Entry(
        "{username} cannot be a user name",
        "User names have letters, digits and . _ - and begin with a letter or _.",
        "Use the deploy user's name, such as mmc-deploy.",
    ),
    "commands_too_many": Entry(
        "Too many reload commands",
        "A server takes at most {limit}.",
        "Put them into one script on the server and run that.",
    ),
    "command_not_allowed": Entry(
        "A reload command cannot be used",
        "“{command}” is longer than {limit} characters or has signs that cannot be printed.",
        "Put it into a script on the server and run that.",
    ),
    "ssh_port_not_allowed": Entry(
        "{port} is no port",
        "Ports are numbers from 1 to 65535.",
        "SSH usually listens on 22.",
    ),
    "ports_not_allowed": Entry(
        "These ports cannot be looked at",
        "Ports are numbers from 1 to 65535, at most {limit} of them.",
        "Enter them with commas between: 443, 465.",
    ),
    "fingerprint_malformed": Entry(
        "This is no host key fingerprint",
        "It has to look like SHA256: followed by 43 letters, digits, + and /.",
        "The server prints its own with this.",
        "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done",
    ),
    "target_incomplete": Entry(
        "Something is missing before this server can be deployed to",
        "Not filled in yet: {missing}.",
        "Fill it in and press Save deployment settings.",
    ),
    "server_exists": Entry(
        "There is already a server {username}@{host}",
        "Each server is entered once per workspace.",
        "Use that one, or change it.",
    ),
    "server_in_use": Entry(
        "{host} is still deployed to",
        "{count} targets name it.",
        "Remove them on their domains' Renew & deploy tab first.",
    ),
    "target_half_done": Entry(
        "{host} is between two sets of files right now",
        "A run has begun to replace files there and has not ended. What it has written down is all that can complete "
        "it or put the old files back.",
        "Wait until the run has ended, which it does by itself, then try again.",
    ),
}

RELOADS = {
    "sudo_needs_rule": Entry(
        "sudo: a password is required, or no tty present: {username} may not run “{command}” on {host}",
        "sudo said: {output}",
        "Add these lines on the server with sudo visudo -f /etc/sudoers.d/managemycert, then press Deploy now.",
        "{rule}",
    ),
    "reload_needs_root": Entry(
        "Interactive authentication required: “{command}” needs root on {host}",
        "Reload commands run as {username}. The server said: {output}",
        "Write it as “{sudo_command}” in the form, and allow it with sudo visudo -f /etc/sudoers.d/managemycert.",
        "{rule}",
    ),
    "reload_without_systemd": Entry(
        "{host} does not run systemd",
        "So “{command}” cannot reload anything there. It said: {output}",
        "Use the daemon's own command, for instance sudo -n nginx -s reload.",
    ),
    "reload_timed_out": Entry(
        "“{command}” did not end within {seconds} s on {host}",
        "It was ended by the portal. A command that asks something waits for ever, since nobody answers.",
        "Run it by hand on the server as {username}; it has to end by itself and ask nothing.",
    ),
    "reload_not_found": Entry(
        "“{command}” does not exist on {host}",
        "The server said: {output}",
        "Write the program with its full path; commands run with a short PATH.",
    ),
    "reload_failed": Entry(
        "“{command}” failed on {host} (exit {exit_code})",
        "It said: {output}",
        "Run it by hand on the server as {username}, mend what it names, then press Deploy now.",
    ),
}

OUTCOMES = {
    "deploy_no_certificate": Entry(
        "There is no certificate to deploy for {host}",
        "None that is still valid is stored together with its private key.",
        "Issue one on the Let's Encrypt tab, then press Deploy now. Still missing: {missing}.",
    ),
    "deploy_no_target": Entry(
        "There is no server to deploy to for {host}",
        "None is saved yet, or those that are there are drafts.",
        "Fill in the server's host, user, private key and certificate directories, press Test SSH, then "
        "Save deployment settings. Still missing: {missing}.",
    ),
    "deploy_nothing_left": Entry(
        "There is nothing left to do here",
        "The server, its settings or the certificate were deleted meanwhile.",
        "Start a new deployment.",
    ),
    "deploy_superseded": Entry(
        "A later deployment has been here",
        "It put a newer certificate in place, which this one must not overwrite.",
        "Nothing to do.",
    ),
    "installed_other_served": Entry(
        "The files are in place on {server}, and something else is served",
        "Port {ports} still hands out another certificate ({seen}…). The service's configuration names other files, "
        "or no reload command is set.",
        "Point the configuration at the new files and reload; nothing was put back.",
        "{configure}",
    ),
    "installed_nothing_served": Entry(
        "The files are in place on {server}, and nothing is served there",
        "Port {ports} hands out no certificate for {host}, neither from outside nor on the server itself.",
        "Point your service at the new files and start it, name the ports to look at, or say that there is nothing to "
        "look at.",
        "{configure}",
    ),
    "served_got_worse": Entry(
        "After the reload {host} was worse off than before",
        "What was served on port {ports} was gone, and the new certificate was not there. The previous files were put "
        "back.",
        "Look into the service's error log on the server, then press Deploy now.",
    ),
    "served_gone": Entry(
        "After the reload {host} is worse off than before",
        "What was served on port {ports} is gone. The new files had been in place already, so there was nothing to put "
        "back.",
        "Look into the service's error log on the server, then press Deploy now.",
    ),
    "put_back_failed": Entry(
        "The previous files could not be put back on {host}",
        "The deployment failed ({because}), and on the way back {path} was in the way. New and old files may be mixed.",
        "Compare the directory with its .mmc-previous/ as root; the next Deploy now repairs it.",
    ),
    "partial_deploy": Entry(
        "Not every server has the certificate that it should have",
        "{summary}. Not as they should be: {servers}.",
        "Open the Renew & deploy tab: the run of each server says what to do.",
    ),
}

for entries in (KEYS, CONNECTIONS, FILES, INPUT, RELOADS, OUTCOMES, SUDO, UNDO):
    register(entries)
