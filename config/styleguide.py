"""The living style page (DEBUG only): every component in every state, on invented rows."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import public_view
from config.lib import clock, states
from config.lib.errors import Wording

SUDO = Wording(
    "reload_needs_password",
    "mmc-deploy may not reload nginx on web-02",
    "sudo asked for a password. The previous certificate was put back and is being served.",
    "Add this line with `sudo visudo -f /etc/sudoers.d/managemycert`, then press Deploy now.",
    "mmc-deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx\nDefaults:mmc-deploy !requiretty",
)


class SampleForm(forms.Form):
    host = forms.CharField(label="Server host", help_text="A name or an address that this portal can reach.")
    port = forms.IntegerField(label="SSH port", initial=22)
    private_key = forms.CharField(label="Private key", widget=forms.Textarea, required=False, help_text="Write-only.")
    platform = forms.ChoiceField(label="Platform", choices=[("nginx", "nginx"), ("apache", "Apache")])
    mode = forms.ChoiceField(
        label="Deployment mode",
        widget=forms.RadioSelect,
        choices=[("monitor", "Monitor only"), ("dns", "Let's Encrypt (DNS)")],
    )
    use_sudo = forms.BooleanField(
        label="Use sudo for cert install (root-owned directories)",
        required=False,
        help_text="The files are staged in the home of the user and copied by sudo.",
    )


@public_view("style guide, DEBUG only")
def show_styleguide(request: HttpRequest) -> HttpResponse:
    """All components; `?broken` fills the form with mistakes."""
    now = clock.now()
    form = SampleForm({"host": "", "port": "x", "mode": "dns"}) if "broken" in request.GET else SampleForm()
    for level, text in ((messages.SUCCESS, "Deployment settings saved."), (messages.ERROR, "web-02 is unreachable.")):
        messages.add_message(request, level, text)
    return render(request, "styleguide.html", {"form": form, "lives": _lives(now), **_samples(now)})


def _lives(now: datetime) -> list[dict[str, Any]]:
    rows = (
        # name, state, days lived, days of life, day of renewal (None: nobody renews it), note
        ("api.acme.example", "ok", 28, 90, 60, ""),
        ("legacy.acme.example", "ok", 200, 365, None, "uploaded; nobody renews it"),
        ("mail.acme.example:465", "renewal_due", 64, 90, 63.5, ""),
        ("shop.acme.example", "renewal_failed", 84, 90, 60, "port 80 answers 301 to a host that lacks the token"),
        ("www.acme.example", "partial_deploy", 11, 90, 60, "web-02 still serves the old certificate"),
        ("vpn.acme.example", "expiring", 83, 90, None, ""),
        ("old.acme.example", "expired", 93, 90, None, ""),
        ("new.acme.example", "problem", -1, 90, None, "not valid yet"),
        ("blog.acme.example", "unverified", 36, 90, None, "publish one TXT record to start monitoring"),
        ("intra.acme.example", "unreachable", 45, 90, 60, "last seen yesterday"),
        ("sip.acme.example:5061", "ok", 3, 6.6, 3.4, ""),
    )
    return [
        {
            "name": name,
            "state": state,
            "not_before": now - timedelta(days=lived),
            "not_after": now + timedelta(days=life - lived),
            "renew_at": None if renewal is None else now + timedelta(days=renewal - lived),
            "note": note,
        }
        for name, state, lived, life, renewal, note in rows
    ]


def _samples(now: datetime) -> dict[str, Any]:
    value = "NZ0qTnyXbsRduWvE3lcpYKh_7aUuVnFqkvJ9nQ"
    return {
        "states": list(states.LOOKS),
        "wording": SUDO,
        "digest": "4f1a9c" * 10 + "e207",
        "soon": now + timedelta(hours=30),
        "past": now - timedelta(minutes=14),
        "records": [
            {"host": "_acme-challenge", "fqdn": "_acme-challenge.acme.example", "type": "TXT", "value": value}
            | {"state": state, "seen_words": words}
            for state, words in (
                ("seen", "Seen on 4 of 4"),
                ("partly_seen", "Seen on 2 of 4"),
                ("not_seen", ""),
            )
        ],
        "links": [
            {"name": "shop.acme.example", "detail": "ECDSA P-256"},
            {"name": "YE1", "detail": "Let's Encrypt"},
            {"name": "ISRG Root X2", "detail": "trusted"},
        ],
        "steps": [
            {"title": "Names", "detail": "shop.acme.example, *.shop.acme.example", "state": "done"},
            {"title": "Publish these records", "detail": "at your DNS provider", "state": "now"},
            {"title": "Issue certificate", "detail": "waits for the last record", "state": "todo"},
        ],
        "runs": _runs(now),
        "filters": [
            {"label": "All", "count": 412, "url": "?", "is_current": True},
            {"label": "Needs action", "count": 2, "url": "?", "tone": "bad"},
            {"label": "Expiring", "count": 9, "url": "?", "tone": "due"},
            {"label": "Failing", "count": 0, "url": "?", "tone": "bad"},
            {"label": "Unverified", "count": 1, "url": "?", "tone": "idle"},
        ],
        "tabs": [
            {"label": label, "url": "?", "is_current": label == "Overview"}
            for label in ("Overview", "Let's Encrypt", "Renew & deploy", "Activity log")
        ],
    }


def _runs(now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "title": "Deploy to 2 servers",
            "state": "running",
            "at": now - timedelta(seconds=41),
            "by": "by Dana",
            "seconds": None,
            "steps": [
                {
                    "name": "Pair checked",
                    "detail": "key and certificate belong together",
                    "state": "succeeded",
                    "seconds": 0.1,
                },
                {
                    "name": "web-01",
                    "detail": "4 files to /etc/nginx/ssl/shop.acme.example",
                    "state": "succeeded",
                    "seconds": 2.1,
                },
                {
                    "name": "web-02",
                    "detail": "waiting for the new certificate on 203.0.113.11:443",
                    "state": "running",
                    "seconds": None,
                },
                {"name": "web-03", "detail": "", "state": "waiting", "seconds": None},
            ],
        },
        {
            "title": "Deploy to web-02",
            "state": "failed",
            "at": now - timedelta(hours=27),
            "by": "by Dana",
            "seconds": 64,
            "steps": [
                {
                    "name": "Connected",
                    "detail": "host key SHA256:uS3… as trusted",
                    "state": "succeeded",
                    "seconds": 0.2,
                },
                {
                    "name": "sudo -n systemctl reload nginx",
                    "detail": "sudo: a password is required",
                    "state": "failed",
                    "seconds": 0.1,
                },
            ],
            "wording": SUDO,
        },
    ]
