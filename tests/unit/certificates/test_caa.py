"""CAA: the decision table of RFC 8659 and RFC 8657."""

import pytest

from certificates.caa import CaaRecord, Issuer, climb, parse, permits, relevant_set

ACCOUNT = "https://ca.net/acme/acct/7"
ISSUER = Issuer(("letsencrypt.org",), ACCOUNT)


@pytest.mark.parametrize(
    ("texts", "is_wildcard", "may"),
    [
        ([], False, True),
        (['0 issue "letsencrypt.org"'], False, True),
        (['0 issue "LetsEncrypt.org"'], False, True),
        (['0 issue "letsencrypt.org"'], True, True),
        (['0 issue "pki.goog"'], False, False),
        (['0 issue "pki.goog"', '0 issue "letsencrypt.org"'], False, True),
        (['0 issue ";"'], False, False),
        (['0 issue ""'], False, False),
        (['0 issuewild "pki.goog"'], False, True),
        (['0 issuewild "pki.goog"'], True, False),
        (['0 issue "letsencrypt.org"', '0 issuewild ";"'], True, False),
        (['0 issue "letsencrypt.org"', '0 issuewild ";"'], False, True),
        (['0 issue "pki.goog"', '0 issuewild "letsencrypt.org"'], True, True),
        (['0 iodef "mailto:a@b.net"'], False, True),
        (['128 tbs "unknown"'], False, False),
        (['0 tbs "unknown"'], False, True),
        (['128 issue "letsencrypt.org"'], False, True),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}"'], False, True),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}8"'], False, False),
        (['0 issue "letsencrypt.org; validationmethods=http-01,dns-01"'], False, True),
        (['0 issue "letsencrypt.org;validationmethods=http-01"'], False, False),
        (['0 issue "letsencrypt.org.evil.net"'], False, False),
        # What Boulder cannot read names nobody.
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}8; accounturi={ACCOUNT}"'], False, False),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}; accounturi={ACCOUNT}"'], False, False),
        (['0 issue "letsencrypt.org; validationmethods=dns-01; validationmethods=dns-01"'], False, False),
        (['0 issue "letsencrypt.org; validationmethods=http-01, dns-01"'], False, False),
        (['0 issue "letsencrypt.org; validationmethods=dns-01,"'], False, False),
        (['0 issue "letsencrypt.org; accounturi"'], False, False),
        (['0 issue "letsencrypt.org; account_uri=x"'], False, False),
        (['0 issue "letsencrypt.org; =x"'], False, False),
        (['0 issue "letsencrypt.org; foo=b r"'], False, False),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT};"'], False, False),
        (['0 issue "letsencrypt.org;;"'], False, False),
        (['0 issue "letsencrypt.org; foo"', '0 issue "letsencrypt.org"'], False, True),
        (['0 issue "letsencrypt.org;"'], False, True),
        (['0 issue "letsencrypt.org; foo=bar"'], False, True),
        ([f'0 issue "letsencrypt.org ;\taccounturi = {ACCOUNT} "'], False, True),
    ],
)
def test_the_decision_table(texts: list[str], is_wildcard: bool, may: bool) -> None:
    records = [record for text in texts if (record := parse(text))]
    assert len(records) == len(texts)
    assert permits(records, ISSUER, is_wildcard=is_wildcard) is may


def test_the_closest_set_decides_and_climbing_starts_at_the_name() -> None:
    tree = {"a.shop.net": [], "shop.net": ['0 issue "pki.goog"'], "b.shop.net": ['0 issue "letsencrypt.org"']}
    assert climb("*.a.shop.net") == ["a.shop.net", "shop.net"]
    assert relevant_set("a.shop.net", tree) == ("shop.net", [CaaRecord(0, "issue", "pki.goog")])
    assert relevant_set("*.b.shop.net", tree) == ("b.shop.net", [CaaRecord(0, "issue", "letsencrypt.org")])
    assert relevant_set("other.net", tree) is None
