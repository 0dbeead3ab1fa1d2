"""A query that forgot its workspace raises; a foreign key into another workspace is refused."""

from collections.abc import Callable

import pytest

from accounts.models import ApiToken, User, Workspace
from config.lib.scoping import ForeignWorkspace, ScopeMissing
from domains.models import Domain, Finding

pytestmark = pytest.mark.django_db


def make_token(workspace: Workspace, user: User, name: str) -> ApiToken:
    return ApiToken.objects.create(
        workspace=workspace, made_by=user, name=name, role="admin", prefix="mmc_x", digest=name * 8
    )


@pytest.fixture
def pair() -> tuple[ApiToken, ApiToken]:
    user = User.objects.create_user("ann@acme.test")
    return tuple(make_token(Workspace.objects.create(name=name), user, name) for name in "ab")  # type: ignore[return-value]


@pytest.mark.parametrize("forgotten", ["all", "count", "first", "get", "filter", "exists", "update"])
def test_a_forgotten_scope_raises(forgotten: str) -> None:
    with pytest.raises(ScopeMissing):
        getattr(ApiToken.objects, forgotten)()


def test_a_scope_sees_its_own_rows_only(pair: tuple[ApiToken, ApiToken]) -> None:
    mine, foreign = pair
    seen = ApiToken.objects.for_workspace(mine.workspace)
    assert list(seen) == [mine]
    assert not seen.filter(pk=foreign.pk).exists()
    assert list(ApiToken.objects.for_workspace(mine.workspace_id)) == [mine]


def test_django_itself_uses_the_unscoped_manager() -> None:
    assert ApiToken._default_manager is not ApiToken.objects
    assert ApiToken._default_manager.count() == 0


@pytest.fixture
def two_domains() -> tuple[Domain, Domain]:
    return tuple(  # type: ignore[return-value]
        Domain.objects.create(workspace=Workspace.objects.create(name=name), host="shop.acme.test") for name in "ab"
    )


def test_a_link_into_another_workspace_is_refused(two_domains: tuple[Domain, Domain]) -> None:
    mine, foreign = two_domains
    create: Callable[..., Finding] = Finding.objects.create
    for link in ({"domain": foreign}, {"domain_id": foreign.pk}):
        with pytest.raises(ForeignWorkspace):
            create(workspace=mine.workspace, source="visit", code="expired", **link)
    assert not Finding.unscoped.exists()


def test_a_link_is_judged_again_when_it_changes(two_domains: tuple[Domain, Domain]) -> None:
    mine, foreign = two_domains
    finding = Finding.objects.create(workspace=mine.workspace, domain=mine, source="visit", code="expired")
    finding.domain = foreign
    with pytest.raises(ForeignWorkspace):
        finding.save(update_fields=["domain"])
    finding.refresh_from_db()
    assert finding.domain_id == mine.pk
