"""What the form of a server asks about HTTP-01."""

from typing import Any

from django import forms

from config.lib.errors import ExpectedError
from deploy.http01.answering import Http01, check_http01, check_listener_port, check_webroot, http01_of
from deploy.models import Target
from domains.forms import CatalogueForm


class Http01Fields(CatalogueForm):
    """Of a domain's first server; the others keep what is typed for the day on which they come first."""

    webroot = forms.CharField(
        label="HTTP-01 webroot path",
        required=False,
        max_length=300,
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "class": "mono",
                   "placeholder": "/var/www/html"}
        ),
        help_text="The folder that your web server serves at http://your-domain/. The token is put below it for some "
        "seconds, over SFTP.",
    )  # fmt: skip
    standalone = forms.BooleanField(
        label="Use standalone HTTP listener",
        required=False,
        help_text="Where no web server runs: a listener of ours answers for the seconds that the CA needs. Needs "
        "python3 and a shell.",
    )
    standalone_port = forms.IntegerField(
        label="Listener port",
        required=False,
        help_text="80, unless a firewall forwards port 80 to another one.",
    )
    standalone_use_sudo = forms.BooleanField(
        label="Use sudo for the listener",
        required=False,
        help_text="When only root may listen on that port.",
    )

    def read_http01(self) -> None:
        """Put the checked choice into `cleaned_data['http01']`; call from `clean`."""
        cleaned = self.cleaned_data
        try:
            cleaned["webroot"] = check_webroot(cleaned.get("webroot", ""))
        except ExpectedError as error:
            self.add_expected("webroot", error)
        try:
            port = check_listener_port(80 if cleaned.get("standalone_port") is None else cleaned["standalone_port"])
            chosen = Http01(cleaned.get("webroot", ""), cleaned["standalone"], port, cleaned["standalone_use_sudo"])
            cleaned["http01"] = check_http01(chosen)
        except ExpectedError as error:
            self.add_expected("standalone" if error.code == "http01_both_ways" else "standalone_port", error)


def http01_initial(target: Target) -> dict[str, Any]:
    chosen = http01_of(target)
    return {
        "webroot": chosen.webroot,
        "standalone": chosen.standalone,
        "standalone_port": chosen.port,
        "standalone_use_sudo": chosen.use_sudo,
    }
