"""A query that forgot its workspace raises; a foreign key into another workspace is refused."""

import pytest

from accounts.models import ApiToken, User, Workspace
from config.lib.scoping import ScopeMissing

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
