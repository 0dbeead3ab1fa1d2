"""`Fix ACME redirect` on real servers: what is shown, applied, proven, undone, and put back when it fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlog.models import Event
from certificates.models import Renewal
from config.lib.errors import NeedsUser, describe
from deploy.models import RunStep, Target, TargetRun
from tests.cast import Cast, make_cast
from tests.integration.deploying import HOST, told
from tests.integration.redirecting import (
    UNKNOWN,
    WAYS,
    Deed,
    FixScene,
    add_redirected,
    asked,
    redirect_everything,
    reload,
)
from tests.servers.apache import Apache, apache
from tests.servers.child import is_root
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.people import DeployUser, allow_lines
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def web(request: pytest.FixtureRequest, ssh_server: Sshd) -> Iterator[Nginx | Apache]:
    kind = getattr(request, "param", "nginx")
    with (nginx if kind == "nginx" else apache)(ssh_server.user, [HOST]) as server:
        yield server


def shown(run: TargetRun) -> dict[str, Any]:
    """What the step that shows the change holds."""
    data: dict[str, Any] = RunStep.unscoped.get(run=run, name="What would change").data
    return data


def left_behind(web: Nginx | Apache) -> list[str]:
    tokens = [path for path in web.document_root.rglob("*") if path.is_file() and path.name != "index.html"]
    return [str(path) for path in [*tokens, *web.place.glob(".mmc-*")]]


class TestEveryWay:
    @pytest.mark.parametrize("way", WAYS)
    def test_it_is_shown_applied_proven_and_undone(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, way: str
    ) -> None:
        start = nginx if way.startswith("nginx") else apache
        with start(ssh_server.user, [HOST]) as web:
            redirect_everything(web, way)
            before = web.configuration.read_bytes()
            scene = FixScene(settings, cast.acme, web, dns_server)
            target = scene.row(ssh_server)
            look = scene.fix(target, Deed.LOOK)
            assert (look.state, look.error_code) == ("partial", "http01_redirected"), told(look)
            assert web.configuration.read_bytes() == before, "looking changes nothing"
            added = [line for line in shown(look)["diff"].splitlines() if line.startswith("+") and line[1:2] != "+"]
            assert "begins" in added[0]
            assert added[-1].endswith(f"the ACME challenge of {HOST} ends")
            applied = scene.fix(target, Deed.APPLY)
            assert applied.state == "succeeded", told(applied)
            assert applied.files == [str(web.configuration)]
            after = web.configuration.read_bytes()
            assert [line[1:] for line in added] == [
                line for line in after.decode().splitlines() if line not in before.decode().splitlines()
            ]
            wait_until(lambda: asked(web, UNKNOWN) == "404", seconds=15, what="the old workers' end")
            assert (asked(web), asked(web, "/any/thing")) == ("301", "301"), "everything else is still redirected"
            (backup,) = (ssh_server.user.home / ".mmc-backups").glob(f"{web.configuration.name}.mmc-backup-*Z")
            assert backup.read_bytes() == before
            again = scene.fix(target, Deed.APPLY)
            assert (again.state, again.files) == ("succeeded", []), told(again)
            assert RunStep.unscoped.filter(run=again, name="Nothing to change").exists()
            assert web.configuration.read_bytes() == after
            undone = scene.fix(target, Deed.UNDO)
            assert undone.state == "succeeded", told(undone)
            assert web.configuration.read_bytes() == before
            wait_until(lambda: asked(web, UNKNOWN) == "301", seconds=15, what="the old configuration")
            assert left_behind(web) == []
            backup.unlink()
        kinds = Event.unscoped.filter(kind__startswith="target.redirect").order_by("pk").values_list("kind", flat=True)
        assert sorted(kinds) == [
            *("target.redirect_asked", "target.redirect_asked", "target.redirect_fixed", "target.redirect_fixed"),
            *("target.redirect_looked", "target.redirect_undo_asked", "target.redirect_undone"),
        ]


WWW, MOBILE, API = (f"{label}.{HOST}" for label in ("www", "m", "api"))


@pytest.mark.parametrize("web", ["nginx", "apache"], indirect=True)
class TestNamesOfTheirOwn:
    """Of one renewal, in virtual hosts beside that of the domain."""

    def test_what_only_others_lack_is_changed_for_them(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx | Apache
    ) -> None:
        site = add_redirected(web, [[WWW, MOBILE], [API]])
        before = site.read_bytes()
        scene = FixScene(settings, cast.acme, web, dns_server)
        scene.renews([HOST, WWW, MOBILE, API])
        target = scene.row(ssh_server)
        look = scene.fix(target, Deed.LOOK)
        assert (look.state, look.error_code) == ("partial", "http01_redirected"), told(look)
        diff = shown(look)["diff"]
        begun = [name for name in (HOST, WWW, MOBILE, API) if f"of {name} begins" in diff]
        assert begun == [WWW, API], "once for each virtual host"
        applied = scene.fix(target, Deed.APPLY)
        assert (applied.state, applied.files) == ("succeeded", [str(site)]), told(applied)
        again = scene.fix(target, Deed.APPLY)
        assert (again.state, again.files) == ("succeeded", []), told(again)
        undone = scene.fix(target, Deed.UNDO)
        assert (undone.state, site.read_bytes()) == ("succeeded", before), told(undone)

    def test_several_files_are_changed_and_undone_together(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx | Apache
    ) -> None:
        site = add_redirected(web, [[WWW]])
        redirect_everything(web, "nginx return" if isinstance(web, Nginx) else "apache redirect")
        files = [web.configuration, site]
        before = [file.read_bytes() for file in files]
        scene = FixScene(settings, cast.acme, web, dns_server)
        scene.renews([HOST, WWW])
        target = scene.row(ssh_server)
        applied = scene.fix(target, Deed.APPLY)
        assert applied.state == "succeeded", told(applied)
        assert sorted(applied.files) == sorted(map(str, files))
        edited = site.read_bytes()
        site.write_bytes(edited + b"# by hand\n")
        refused = scene.fix(target, Deed.UNDO)
        assert (refused.error_code, refused.error_params["file"]) == ("redirect_edited_since", str(site))
        site.write_bytes(edited)
        undone = scene.fix(target, Deed.UNDO)
        assert undone.state == "succeeded", told(undone)
        assert sorted(undone.files) == sorted(map(str, files))
        assert [file.read_bytes() for file in files] == before
        assert left_behind(web) == []

    def test_a_later_change_is_undone_with_the_earlier_one(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx | Apache
    ) -> None:
        """Of names that came to the renewal one after the other, in one file and in another."""
        site = add_redirected(web, [[WWW], [API]])
        redirect_everything(web, "nginx return" if isinstance(web, Nginx) else "apache redirect")
        files = [web.configuration, site]
        before = [file.read_bytes() for file in files]
        scene = FixScene(settings, cast.acme, web, dns_server)
        names = [HOST, WWW, API]
        scene.renews(names)
        target = scene.row(ssh_server)
        for count, changed in enumerate((web.configuration, site, site), start=1):
            Renewal.unscoped.update(names=names[:count])
            applied = scene.fix(target, Deed.APPLY)
            assert (applied.state, applied.files) == ("succeeded", [str(changed)]), told(applied)
        undone = scene.fix(target, Deed.UNDO)
        assert undone.state == "succeeded", told(undone)
        assert [file.read_bytes() for file in files] == before

    def test_one_that_cannot_be_helped_brings_all_files_back(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx | Apache
    ) -> None:
        """The virtual host of one name keeps the web server from reading below this webroot."""
        site = add_redirected(web, [[WWW]])
        close(web, site)
        redirect_everything(web, "nginx return" if isinstance(web, Nginx) else "apache redirect")
        files = [web.configuration, site]
        before = [file.read_bytes() for file in files]
        scene = FixScene(settings, cast.acme, web, dns_server)
        scene.renews([HOST, WWW])
        linked = web.place / "linked"
        linked.symlink_to(web.document_root)
        target = scene.row(ssh_server, webroot=linked)
        run = scene.fix(target, Deed.APPLY)
        assert (run.state, run.error_params["name"]) == ("failed", WWW), told(run)
        assert [file.read_bytes() for file in files] == before
        assert Target.unscoped.get(pk=target.pk).redirect_fix is None
        Renewal.unscoped.update(names=[HOST])
        assert scene.fix(target, Deed.APPLY).state == "succeeded"
        Renewal.unscoped.update(names=[HOST, WWW])
        assert scene.fix(target, Deed.APPLY).error_params["name"] == WWW
        assert scene.fix(target, Deed.UNDO).files == [str(web.configuration)], "what helped stayed, and is known"
        assert [file.read_bytes() for file in files] == before


def close(web: Nginx | Apache, site: Path) -> None:
    """By what counts more than anything that we can say in the block."""
    text = site.read_text()
    if isinstance(web, Nginx):
        site.write_text(text.replace("return 301", "disable_symlinks on;\n  return 301"))
    else:
        site.write_text(text.replace("</Virt", "<If true>\n    Require all denied\n  </If>\n</Virt"))
    reload(web)


def test_a_row_of_before_is_undone(
    settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx
) -> None:
    """It knew one file, and no names."""
    redirect_everything(web, "nginx return")
    before = web.configuration.read_bytes()
    scene = FixScene(settings, cast.acme, web, dns_server)
    target = scene.row(ssh_server)
    assert scene.fix(target, Deed.APPLY).state == "succeeded"
    kept = Target.unscoped.get(pk=target.pk).redirect_fix
    assert kept is not None
    assert (kept.pop("more"), kept.pop("names"), kept.pop("earlier")) == ([], [HOST], [])
    assert set(kept) == {*("phase", "daemon", "file", "backup", "mode", "owner", "before", "after", "commands")}
    Target.unscoped.filter(pk=target.pk).update(redirect_fix=kept)
    undone = scene.fix(target, Deed.UNDO)
    assert (undone.state, web.configuration.read_bytes()) == ("succeeded", before), told(undone)


class TestWhenItCannot:
    def test_a_configuration_that_fails_its_test_is_put_back_byte_for_byte(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx
    ) -> None:
        """A second location of the same path, farther down than the portal reads of one file."""
        redirect_everything(web, "nginx return")
        with (web.place / "before.inc").open("a") as file:
            file.write(("#" * 79 + "\n") * 3300 + f"location ^~ {UNKNOWN.removesuffix('unknown')} {{ return 403; }}\n")
        reload(web)
        before = web.configuration.read_bytes()
        scene = FixScene(settings, cast.acme, web, dns_server)
        target = scene.row(ssh_server)
        run = scene.fix(target, Deed.APPLY)
        assert (run.state, run.error_code) == ("failed", "reload_failed"), told(run)
        assert "duplicate location" in run.error_params["output"]
        assert steps(run)[-1].startswith(web.test_command.split()[0])
        assert "Put the configuration back as it was" in steps(run)
        assert web.configuration.read_bytes() == before
        assert left_behind(web) == []
        assert Target.unscoped.get(pk=target.pk).redirect_fix is None

    @pytest.mark.parametrize("web", ["nginx", "apache"], indirect=True)
    def test_a_change_that_does_not_help_is_put_back(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx | Apache
    ) -> None:
        """What keeps the web server from reading below this webroot comes after everything that we can say."""
        redirect_everything(web, "nginx location" if isinstance(web, Nginx) else "apache redirect")
        before = web.configuration.read_bytes()
        scene = FixScene(settings, cast.acme, web, dns_server)
        linked = web.place / "linked"
        linked.symlink_to(web.document_root)
        denied = "disable_symlinks on;" if isinstance(web, Nginx) else "<If true>\nRequire all denied\n</If>"
        name = "before.inc" if isinstance(web, Nginx) else "before2.inc"
        (web.place / name).write_text(denied + "\n")
        reload(web)
        run = scene.fix(scene.row(ssh_server, webroot=linked), Deed.APPLY)
        code = "http01_not_found" if isinstance(web, Nginx) else "http01_forbidden"
        assert (run.state, run.error_code) == ("failed", code), told(run)
        assert "Put the configuration back as it was" in steps(run)
        assert web.configuration.read_bytes() == before
        assert left_behind(web) == []

    def test_a_configuration_that_was_broken_before_is_left_alone(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx
    ) -> None:
        redirect_everything(web, "nginx location")
        web.break_configuration()
        before = web.configuration.read_bytes()
        scene = FixScene(settings, cast.acme, web, dns_server)
        run = scene.fix(scene.row(ssh_server), Deed.APPLY)
        assert (run.state, run.error_code) == ("failed", "redirect_broken_before"), told(run)
        assert web.configuration.read_bytes() == before
        assert not (ssh_server.user.home / ".mmc-backups").exists()

    def test_an_account_for_sftp_only_is_told_that_it_needs_a_shell(
        self, settings: Any, cast: Cast, dns_server: ChallengeDns
    ) -> None:
        with (
            sshd(extra=["ForceCommand internal-sftp"]) as only_sftp,
            nginx(only_sftp.user, [HOST]) as web,
        ):
            redirect_everything(web, "nginx location")
            scene = FixScene(settings, cast.acme, web, dns_server)
            run = scene.fix(scene.row(only_sftp), Deed.LOOK)
        assert (run.state, run.error_code) == ("failed", "redirect_needs_shell")

    def test_what_was_edited_since_is_not_overwritten_by_undo(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx
    ) -> None:
        redirect_everything(web, "nginx location")
        scene = FixScene(settings, cast.acme, web, dns_server)
        target = scene.row(ssh_server)
        scene.fix(target, Deed.APPLY)
        edited = web.configuration.read_bytes() + b"# by hand\n"
        web.configuration.write_bytes(edited)
        run = scene.fix(target, Deed.UNDO)
        assert (run.state, run.error_code) == ("failed", "redirect_edited_since")
        assert web.configuration.read_bytes() == edited

    def test_where_the_path_is_served_nothing_is_changed(
        self, settings: Any, cast: Cast, ssh_server: Sshd, dns_server: ChallengeDns, web: Nginx
    ) -> None:
        before = web.configuration.read_bytes()
        scene = FixScene(settings, cast.acme, web, dns_server)
        target = scene.row(ssh_server)
        for deed in (Deed.LOOK, Deed.APPLY):
            run = scene.fix(target, deed)
            assert (run.state, steps(run)[-1]) == ("succeeded", "Nothing to change"), told(run)
        assert web.configuration.read_bytes() == before
        with pytest.raises(NeedsUser, match="redirect_nothing_kept"):
            scene.fix(target, Deed.UNDO)


def steps(run: TargetRun) -> list[str]:
    return list(RunStep.unscoped.filter(run=run).order_by("position").values_list("name", flat=True))


@pytest.mark.skipif(not is_root(), reason="only root makes a configuration that is root's")
class TestBySudo:
    """nginx as most have it: started by root, its configuration root's."""

    @pytest.fixture
    def web(self) -> Iterator[Nginx]:
        with nginx(DeployUser("root", Path("/root"), "", ""), [HOST]) as server:
            (server.document_root / ".well-known/acme-challenge").mkdir(parents=True)
            yield server

    def test_the_shown_lines_are_all_that_it_takes(
        self, settings: Any, cast: Cast, dns_server: ChallengeDns, web: Nginx
    ) -> None:
        redirect_everything(web, "nginx return")
        before, mode = web.configuration.read_bytes(), web.configuration.stat().st_mode
        scene = FixScene(settings, cast.acme, web, dns_server)
        with sshd(sudo=["/bin/true"]) as server:
            server.user.own(web.document_root / ".well-known/acme-challenge")
            target = scene.row(server, use_sudo=True)
            look = scene.fix(target, Deed.LOOK)
            assert look.state == "partial", told(look)
            refused = scene.fix(target, Deed.APPLY)
            assert (refused.state, refused.error_code) == ("failed", "redirect_needs_rule"), told(refused)
            assert describe(refused.error_code, refused.error_params).paste == shown(look)["rule"]
            assert web.configuration.read_bytes() == before
            allow_lines(server.user.name, shown(look)["rule"])
            applied = scene.fix(target, Deed.APPLY)
            assert applied.state == "succeeded", told(applied)
            assert (web.configuration.stat().st_uid, web.configuration.stat().st_mode) == (0, mode)
            undone = scene.fix(target, Deed.UNDO)
            assert undone.state == "succeeded", told(undone)
        assert web.configuration.read_bytes() == before
        assert [path.name for path in web.place.glob(".mmc-*")] == []
        (backup,) = Path("/var/backups/managemycert").glob(f"{web.configuration.name}.mmc-backup-*")
        assert backup.read_bytes() == before
        backup.unlink()
