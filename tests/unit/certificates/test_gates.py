"""Which names may be asked for, and when a certificate on file stands in the way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from certificates.gates import blocking_certificate, clean_names, read_wish, require_open_window
from certificates.issuance import require_proven
from certificates.models import Certificate, names_key
from config.lib import clock
from config.lib.errors import ExpectedError, NeedsUser
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import HOST


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(ExpectedError) as caught:
        act()
    return caught.value.code


def test_names_are_spelled_one_way_each_once() -> None:
    given = [" Shop.Acme-Tools.NET. ", "*.shop.acme-tools.net", "shop.acme-tools.net", "bücher.de", ""]
    assert clean_names(given) == ("shop.acme-tools.net", "*.shop.acme-tools.net", "xn--bcher-kva.de")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], "names_missing"),
        (["  "], "names_missing"),
        (["*.com"], "host_single_label"),
        (["*.co.uk"], "host_public_suffix"),
        (["*.*.acme-tools.net"], "host_malformed"),
        (["a.*.acme-tools.net"], "host_malformed"),
        (["192.0.2.1"], "host_is_ip"),
        (["localhost"], "host_reserved"),
        (["bad_name.acme-tools.net"], "host_malformed"),
        ([f"n{number}.acme-tools.net" for number in range(101)], "names_too_many"),
    ],
)
def test_names_that_no_certificate_may_hold(names: list[str], code: str) -> None:
    assert code_of(lambda: clean_names(names)) == code


def test_the_key_of_a_name_set_knows_no_order() -> None:
    assert names_key(["b.net", "a.net"]) == names_key(["a.net", "b.net"]) != names_key(["a.net"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"challenge": "tls-alpn-01"}, "challenge_unknown"),
        ({"key_type": "rsa-1024"}, "key_type_unknown"),
    ],
)
def test_choices_that_do_not_exist(more: dict[str, str], code: str) -> None:
    assert code_of(lambda: read_wish([HOST], **more)) == code


def test_lets_encrypt_takes_a_wildcard_or_what_it_covers(settings: Any) -> None:
    names = [HOST, f"www.{HOST}", f"*.{HOST}"]
    assert read_wish(names).names == tuple(names)
    settings.ACME_DIRECTORY_URL = "https://acme-v02.api.letsencrypt.org/directory"
    with pytest.raises(NeedsUser) as caught:
        read_wish(names)
    assert (caught.value.code, caught.value.params["name"]) == ("names_redundant", f"www.{HOST}")
    assert read_wish([HOST, f"*.{HOST}", f"a.b.{HOST}"])


@pytest.mark.django_db
def test_proof_covers_the_host_and_what_lies_below(cast: Cast, domain: Domain) -> None:
    require_proven(cast.acme, [HOST, f"*.{HOST}", f"a.b.{HOST}"])
    for name in ("acme-tools.net", f"evil{HOST}", "*.acme-tools.net"):
        assert code_of(lambda name=name: require_proven(cast.acme, [HOST, name])) == "names_not_proven"  # type: ignore[misc]
    assert code_of(lambda: require_proven(cast.other, [HOST])) == "names_not_proven"


@pytest.mark.django_db
class TestWindow:
    def test_a_fresh_certificate_blocks_with_the_documented_sentence(
        self, cast: Cast, store: Callable[..., Certificate]
    ) -> None:
        store(age_days=10)
        with pytest.raises(NeedsUser) as caught:
            require_open_window(cast.acme, read_wish([HOST]))
        opens = f"{clock.now() + timedelta(days=50):%Y-%m-%d}"
        assert caught.value.params["names"] == [HOST]
        assert (caught.value.params["days"], caught.value.params["opens"]) == ("30", opens)

    @pytest.mark.parametrize(
        ("days", "age", "is_blocked"),
        [(90, 59.9, True), (90, 60.1, False), (90, 91, False), (6, 2.9, True), (6, 3.1, False)],
    )
    def test_it_opens_with_the_lifetime(
        self, cast: Cast, store: Callable[..., Certificate], days: float, age: float, is_blocked: bool
    ) -> None:
        store(days=days, age_days=age)
        assert bool(blocking_certificate(cast.acme, read_wish([HOST]))) is is_blocked

    def test_other_names_keys_cas_and_workspaces_are_free(
        self, cast: Cast, store: Callable[..., Certificate], settings: Any
    ) -> None:
        store()
        for wish in (read_wish([HOST, f"www.{HOST}"]), read_wish([HOST], key_type="rsa-2048")):
            assert blocking_certificate(cast.acme, wish) is None
        assert blocking_certificate(cast.other, read_wish([HOST])) is None
        settings.ACME_DIRECTORY_URL = "https://other-ca.net/directory"
        assert blocking_certificate(cast.acme, read_wish([HOST])) is None

    def test_a_planned_renewal_and_a_destroyed_key_open_it(self, cast: Cast, store: Callable[..., Certificate]) -> None:
        certificate = store()
        Certificate.unscoped.filter(pk=certificate.pk).update(renew_at=clock.now())
        assert blocking_certificate(cast.acme, read_wish([HOST])) is None
        Certificate.unscoped.filter(pk=certificate.pk).update(renew_at=None, private_key=None)
        assert blocking_certificate(cast.acme, read_wish([HOST])) is None
