"""The rows of the `Renew & deploy` form: one per server, each a draft until it is complete and saved."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.utils.functional import cached_property

from config.lib.errors import ExpectedError
from config.lib.sealed import Sealed
from deploy.http01.forms import Http01Fields, http01_initial
from deploy.models import Target
from deploy.servers import Access, check_host, check_key, check_port, made_key, refuse_passphrase_alone
from deploy.ssh import placement
from deploy.targets import Placement, check_custom_names, check_ports
from domains.models import Domain

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
NEW = "new"


class WriteOnly(forms.Textarea):
    """A text that is typed and never shown again, not even beside an error in another field."""

    def format_value(self, value: Any) -> str:
        return ""


class TargetForm(Http01Fields):
    """One server of a domain. `key` names the row in the form: the target's id, or `new`."""

    host = forms.CharField(
        label="SSH host",
        max_length=300,
        widget=forms.TextInput(attrs=PLAIN),
        help_text="A name or an address that this portal can reach.",
    )
    port = forms.IntegerField(label="SSH port", initial=22, help_text="Usually 22.")
    username = forms.CharField(
        label="SSH username",
        max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "mmc-deploy"}),
        help_text="The deploy user on that server.",
    )
    private_key = forms.CharField(
        label="SSH private key",
        required=False,
        max_length=20_000,
        widget=WriteOnly(attrs={**PLAIN, "rows": 4, "class": "mono"}),
    )
    make_key = forms.BooleanField(
        label="Make a key pair for me",
        required=False,
        help_text="The private half is sealed here. Once the row is kept, the public half stands below among the lines "
        "to paste.",
    )
    passphrase = forms.CharField(
        label="Passphrase of the key",
        required=False,
        max_length=1000,
        strip=False,
        # Not one that the browser knows for this site: it would go to the server as the key's.
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    directories = forms.CharField(
        label="Certificate directories on server",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "class": "mono", "data-files-directories": ""}),
        help_text="One per line. Four files are written into each; a directory that is missing is made.",
    )
    use_sudo = forms.BooleanField(
        label="Use sudo for cert install (root-owned directories)",
        required=False,
        help_text="When only root may write there. The exact sudoers lines stand below once the row is kept.",
    )
    owner = forms.CharField(
        label="Set owner:group",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "opensips:opensips"}),
        help_text="Whose the files become, when the daemon does not read them as root.",
    )
    commands = forms.CharField(
        label="Reload/restart commands",
        required=False,
        max_length=12_000,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "class": "mono"}),
        help_text="One per line, run in order as the SSH user after the files are in place, for instance "
        "<code>sudo -n systemctl reload nginx</code>.",
    )
    ports = forms.CharField(
        label="Ports to look at",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}),
    )
    nothing_to_see = forms.BooleanField(
        label="There is nothing to look at",
        required=False,
        help_text="The certificate is used where no TLS connection shows it; files in place then count as deployed.",
    )
    custom_names = forms.BooleanField(
        label="Use custom file names",
        required=False,
        help_text="When your configuration already names other files.",
        widget=forms.CheckboxInput(attrs={"data-files-custom": ""}),
    )
    name_cert = forms.CharField(label="Name for cert.pem", required=False, max_length=100)
    name_key = forms.CharField(label="Name for key.pem", required=False, max_length=100)
    name_chain = forms.CharField(label="Name for chain.pem", required=False, max_length=100)
    name_fullchain = forms.CharField(label="Name for fullchain.pem", required=False, max_length=100)

    def __init__(self, data: Any = None, *, domain: Domain, target: Target | None = None) -> None:
        self.domain = domain
        self.target = target
        self.key = str(target.pk) if target else NEW
        super().__init__(data, initial=_initial(target), prefix=f"t-{self.key}")
        self.fields[
            "ports"
        ].help_text = f"Where the new certificate is looked for afterwards; {domain.port} when left empty."
        for part in placement.DEFAULT_NAMES:
            self.fields[f"name_{part}"].widget.attrs |= {
                **PLAIN, "placeholder": placement.DEFAULT_NAMES[part], "data-files-name": part,
            }  # fmt: skip
        self._describe_key()

    def _describe_key(self) -> None:
        stored = self.target.server.public_key if self.target else ""
        if stored:
            kind = stored.split()[0].removeprefix("ssh-")
            self.fields["private_key"].help_text = f"Stored, sealed ({kind}). Paste another one to replace it."
        else:
            self.fields[
                "private_key"
            ].help_text = (
                "OpenSSH, PEM or PKCS#8; ed25519, ECDSA or RSA. Sealed at once, used in memory only, never shown again."
            )

    @property
    def is_blank(self) -> bool:
        """A new row that nobody filled in: it is left out."""
        typed = {name: str(self.data.get(self.add_prefix(name), "")).strip() for name in self.fields}
        return self.target is None and all(value in ("", str(self.initial.get(name))) for name, value in typed.items())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self._check("host", check_host)
        self._check("port", check_port)
        self._check("username", placement.check_username)
        self._check("directories", lambda text: placement.check_directories(text.splitlines()))
        self._check("owner", placement.check_owner)
        self._check("commands", lambda text: placement.check_commands(text.splitlines()))
        self._check("ports", lambda text: self._read_ports(text, nothing=bool(cleaned.get("nothing_to_see"))))
        self._read_key(cleaned)
        self._read_names(cleaned)
        self.read_http01()
        return cleaned

    def _check(self, name: str, check: Callable[[Any], Any]) -> None:
        """Replace a field's text by its checked value, or say what is wrong with it."""
        if name in self.errors or name not in self.cleaned_data:
            return
        try:
            self.cleaned_data[name] = check(self.cleaned_data[name])
        except ExpectedError as error:
            self.add_expected(name, error)

    def _read_ports(self, text: str, *, nothing: bool) -> list[int] | None:
        words = text.replace(",", " ").split()
        if nothing:
            return []
        return check_ports([int(word) if word.isdigit() else 0 for word in words] or None)

    def _read_key(self, cleaned: dict[str, Any]) -> None:
        text, passphrase = cleaned.get("private_key", "").strip(), cleaned.get("passphrase", "")
        cleaned["public_key"] = ""
        try:
            if not text:
                return refuse_passphrase_alone(passphrase)
            cleaned["public_key"] = check_key(text, passphrase)
        except ExpectedError as error:
            is_about_passphrase = error.code.startswith("ssh_key_passphrase")
            self.add_expected("passphrase" if is_about_passphrase else "private_key", error)

    def _read_names(self, cleaned: dict[str, Any]) -> None:
        names = {part: cleaned.get(f"name_{part}", "") for part in placement.DEFAULT_NAMES}
        try:
            cleaned["names"] = check_custom_names(names if cleaned.get("custom_names") else {})
        except ExpectedError as error:
            self.add_expected("custom_names", error)

    @cached_property
    def access(self) -> Access:
        """How to reach the server; of a valid form. A key that is asked for is made once."""
        cleaned = self.cleaned_data
        return Access(cleaned["host"], cleaned["port"], cleaned["username"], **self._key(cleaned))

    def _key(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        text, passphrase = cleaned["private_key"].strip(), cleaned["passphrase"]
        if not text:
            return made_key() if cleaned["make_key"] else {}
        sealed = Sealed.of(passphrase) if passphrase else None
        return {"private_key": Sealed.of(f"{text}\n"), "passphrase": sealed, "public_key": cleaned["public_key"]}

    @property
    def placement(self) -> Placement:
        """Where the files go; of a valid form."""
        cleaned = self.cleaned_data
        return Placement(
            cleaned["directories"],
            cleaned["names"],
            cleaned["commands"],
            cleaned["ports"],
            cleaned["use_sudo"],
            cleaned["owner"],
            cleaned["http01"],
        )

    def mark_needed(self) -> None:
        """For display, after validation: a draft may lack what a deployment cannot do without."""
        self.fields["directories"].required = True
        self.fields["private_key"].required = not (self.target and self.target.server.public_key)

    def require_complete(self) -> bool:
        """Name each part that a deployment needs and this valid row lacks."""
        missing = []
        if not self.cleaned_data["directories"]:
            missing.append(("directories", "A deployment needs at least one directory."))
        has_key = self.cleaned_data["private_key"].strip() or self.cleaned_data["make_key"]
        if not has_key and not (self.target and self.target.server.public_key):
            missing.append(("private_key", "A deployment needs a key to sign in with."))
        for name, text in missing:
            self.add_error(name, text)
        return not missing


def bound_rows(data: Any, domain: Domain, targets: Sequence[Target]) -> list[TargetForm]:
    """The rows that were sent, the new one only when something was typed into it."""
    rows = [TargetForm(data, domain=domain, target=target) for target in targets if f"t-{target.pk}-host" in data]
    fresh = TargetForm(data, domain=domain)
    return rows if fresh.is_blank else [*rows, fresh]


def _initial(target: Target | None) -> dict[str, Any]:
    if target is None:
        return {"port": 22, "standalone_port": 80}
    server, ports = target.server, target.verify_ports
    return {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "directories": "\n".join(target.certificate_directories),
        "use_sudo": target.use_sudo,
        "owner": target.owner,
        "commands": "\n".join(target.reload_commands),
        "ports": ", ".join(str(port) for port in ports or ()),
        "nothing_to_see": ports == [],
        "custom_names": target.has_custom_names,
        **http01_initial(target),
        **{f"name_{part}": name for part, name in target.file_names.items()},
    }
