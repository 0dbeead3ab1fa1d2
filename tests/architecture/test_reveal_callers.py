"""Who opens secrets: a list that grows only on purpose.

The web process may open a secret only to hand a person their own key file, and to sign people in.
"""

import ast

from tests.architecture.sources import called, calls, files, name, parsed

ALLOWED = {
    "accounts/mail.py": "the context of a queued mail, in the worker, when it is rendered",
    "certificates/acme/client.py": "the MAC key of an external account binding, to sign with",
    "certificates/bundles.py": "the one way a private key leaves: for an admin who confirmed, or by a pull token",
    "certificates/dns/providers/unseal.py": "a DNS provider's credentials, in the worker, for the length of one visit",
    "certificates/keys.py": "loads a key to sign a request or to compare public parts",
    "certificates/line.py": "the CA account's key, to sign requests to the CA",
    "certificates/store.py": "checks that key and certificate belong together before they are stored",
    "config/lib/sealed.py": "seals what is about to be saved",
    "deploy/unseal.py": "the credential of a server or panel, and what is about to be written there",
    "notifications/gateways/unseal.py": "a gateway's secret, in the worker, for the length of one attempt",
}
VERBS = frozenset({"reveal", "reveal_text"})


def callers() -> set[str]:
    return {name(path) for path in files() if any(called(call) in VERBS for call in calls(parsed(path)))}


def test_only_listed_modules_open_secrets() -> None:
    assert sorted(callers() - set(ALLOWED)) == []


def test_every_listed_module_still_does() -> None:
    assert sorted(set(ALLOWED) - callers()) == []


def test_nobody_passes_the_verb_on() -> None:
    """`getattr(key, "reveal")` or `reveal = key.reveal` would hide a caller from this list."""
    found = []
    for path in files():
        tree = parsed(path)
        called_here = {id(call.func) for call in calls(tree)}
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.expr)):
            hidden = isinstance(node, ast.Attribute) and node.attr in VERBS and id(node) not in called_here
            spelled = isinstance(node, ast.Constant) and node.value in VERBS
            if hidden or spelled:
                found.append(f"{name(path)}:{node.lineno}")
    assert found == []
