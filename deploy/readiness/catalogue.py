"""Words of rehearsals: each finding names its cause in that cause's own words."""

from config.lib.errors import Entry, register

_WHY = "{why} A rehearsal found it; the renewal is planned for {planned}, so there is time."


def _will_fail(what: str) -> Entry:
    return Entry(f"The next renewal will fail, {what}: {{because}}", _WHY, "{fix}", "{paste}")


FINDINGS = {
    "will_fail_proof": _will_fail("by its settings"),
    "will_fail_ownership": _will_fail("by the ownership record"),
    "will_fail_address": _will_fail("by its addresses"),
    "will_fail_dnssec": _will_fail("by DNSSEC"),
    "will_fail_ca": _will_fail("by its CA"),
    "will_fail_caa": _will_fail("by CAA"),
    "will_fail_budget": _will_fail("by the CA's limits"),
    "will_fail_login": _will_fail("by the SSH login"),
    "will_fail_token": _will_fail("on port 80"),
    "will_fail_directory": _will_fail("by a directory"),
    "will_fail_sudo": _will_fail("by sudo"),
    "will_fail_configuration": _will_fail("by the server's configuration"),
    "will_fail_disk": _will_fail("by the disk"),
    "will_fail_panel": _will_fail("at the panel"),
}
CAUSES = {
    "rehearsal_disturbed": Entry(
        "Something else was done on {host} meanwhile",
        "A renewal or a deployment began during the rehearsal, and goes before it.",
        "There is nothing to do: it is rehearsed again within the hour.",
    ),
    "rehearsal_test_failed": Entry(
        "The configuration on {host} has an error",
        "“{command}” fails, so a new certificate would be put back instead of taken into use. The server "
        "said: {output}",
        "Mend the configuration. The next rehearsal runs the same test.",
        "{command}",
    ),
    "rehearsals_are_off": Entry(
        "{host} has no rehearsals",
        "They were turned off for this domain, or nobody renews it by itself any more.",
        "Turn them on beside Rehearse now on the Renew & deploy tab.",
    ),
}

register(FINDINGS)
register(CAUSES)
