"""What begins a deploy run by itself, beside deployments: another key, a trusted host key, another mode, `Save`."""

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.events import SYSTEM
from certificates.renewal.plan import Automation, set_automation
from config.lib import jobs
from deploy.models import Server, Target, TargetRun
from deploy.servers import trust_server
from domains.models import Domain, Mode
from tests.cast import Cast
from tests.unit.deploy.test_api import HOST_KEY, Api
from tests.unit.deploy.test_panel_runs import make_panel
from tests.unit.deploy.test_runs import DENIED, OK, claim, deploy, end, make_certificate, make_server, make_target

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def target(domain: Domain) -> Target:
    make_certificate(domain)
    return make_target(domain, make_server(domain, "web-01"))


@pytest.fixture
def api(client: Client, cast: Cast) -> Api:
    return Api(client, cast)


def waiting(target: Target) -> int:
    return TargetRun.unscoped.filter(target=target, kind="deploy", state="waiting").count()


def typed(target: Target, **changes: str) -> dict[str, str]:
    server = target.server
    fields = {
        "host": server.host,
        "port": str(server.port),
        "username": server.username,
        "directories": "/srv/tls",
        "commands": "true",
        **changes,
    }
    return {f"t-{target.pk}-{name}": value for name, value in fields.items()}


class TestAnotherKey:
    @pytest.mark.parametrize("name", ["private_key", "username"])
    def test_by_the_api_it_tries_again_what_was_refused(
        self, api: Api, domain: Domain, target: Target, key_pair: tuple[str, str], name: str
    ) -> None:
        deploy(domain)
        end(target, DENIED)
        body = {name: key_pair[0] if name == "private_key" else "deploy"}
        assert api("PATCH", f"/servers/{target.server_id}", body)[0] == 200
        assert waiting(target) == 1

    def test_on_the_servers_page_too(
        self, client: Client, cast: Cast, domain: Domain, target: Target, key_pair: tuple[str, str]
    ) -> None:
        deploy(domain)
        end(target, DENIED)
        client.force_login(cast.admin)
        url = reverse("deploy:server-change", args=[cast.acme.pk, target.server_id])
        assert client.post(url, {"name": "web", "private_key": key_pair[0]}).status_code == 302
        assert waiting(target) == 1

    def test_another_name_for_it_is_no_reason(self, api: Api, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, DENIED)
        assert api("PATCH", f"/servers/{target.server_id}", {"name": "the first"})[0] == 200
        assert waiting(target) == 0

    def test_nor_is_a_key_where_all_is_well(
        self, api: Api, domain: Domain, target: Target, key_pair: tuple[str, str]
    ) -> None:
        deploy(domain)
        end(target, OK)
        assert api("PATCH", f"/servers/{target.server_id}", {"private_key": key_pair[0]})[0] == 200
        assert waiting(target) == 0


class TestAnotherMode:
    def test_what_was_added_while_only_monitored_gets_it(self, domain: Domain, target: Target) -> None:
        Domain.unscoped.update(mode=Mode.MONITOR)
        domain.refresh_from_db()
        deploy(domain)
        end(target, OK)
        added, panel = make_target(domain, make_server(domain, "web-02")), make_panel(domain)
        assert waiting(added) == 0
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(mode=Mode.UPLOAD))
        assert (waiting(target), waiting(added), panel.runs.count()) == (0, 1, 1)

    def test_what_a_person_has_to_change_still_waits_for_that_person(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, DENIED)
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(mode=Mode.UPLOAD))
        assert waiting(target) == 0


class TestLooking:
    @pytest.mark.parametrize("button", ["test", "detect"])
    def test_a_look_with_other_settings_deploys_nothing(
        self, client: Client, cast: Cast, domain: Domain, target: Target, key_pair: tuple[str, str], button: str
    ) -> None:
        deploy(domain)
        end(target, OK)
        client.force_login(cast.admin)
        changed = typed(target, directories="/srv/new", private_key=key_pair[0])
        client.post(reverse(f"deploy:target-{button}", args=[cast.acme.pk, target.pk]), changed)
        target.refresh_from_db()
        assert (target.is_draft, target.certificate_directories, waiting(target)) == (False, ["/srv/new"], 0)
        tab = reverse("deploy:domain-deploy", args=[cast.acme.pk, domain.pk])
        client.post(f"{tab}add/", changed)
        assert waiting(target) == 0
        client.post(f"{tab}save/", changed)
        assert waiting(target) == 1

    def test_a_run_of_what_became_a_draft_meanwhile_is_over(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        Target.unscoped.update(is_draft=True)
        run = claim(target)
        TargetRun.unscoped.update(lease_token=None, lease_until=None)
        jobs.run_due("target_run")
        run.refresh_from_db()
        assert (run.state, run.error_code) == ("failed", "deploy_nothing_left")


class TestTrust:
    def test_saving_before_trusting_starts_nothing_that_must_fail(
        self, client: Client, cast: Cast, domain: Domain, target: Target
    ) -> None:
        Domain.unscoped.update(mode=Mode.DNS)
        domain.refresh_from_db()
        deploy(domain)
        end(target, OK)
        server = make_server(domain, "web-02")
        Server.unscoped.filter(pk=server.pk).update(host_key_fingerprint="")
        server.refresh_from_db()
        added = make_target(domain, server)
        assert waiting(added) == 0
        client.force_login(cast.admin)
        text = client.get(reverse("deploy:domain-deploy", args=[cast.acme.pk, domain.pk])).content.decode()
        assert "web-02.example.net: Test SSH, then Trust this key" in text
        trust_server(server=server, fingerprint=HOST_KEY, actor=SYSTEM)
        assert waiting(added) == 1
