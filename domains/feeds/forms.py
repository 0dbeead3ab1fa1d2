"""What people type on the Feeds page."""

from collections.abc import Iterable
from typing import Any

from django import forms

from domains.forms import CatalogueForm
from domains.models import FeedKind


class FeedForm(CatalogueForm):
    """A new link; `tags` are those that the workspace uses."""

    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            (FeedKind.BADGE, "Badge: one line as an image, for READMEs and dashboards; shows no host names"),
            (FeedKind.CALENDAR, "Calendar: when each certificate expires, for calendar programs; shows host names"),
        ],
        widget=forms.RadioSelect,
        initial=FeedKind.BADGE,
    )
    name = forms.CharField(label="Name", max_length=80, help_text="Where it will be used, such as 'team calendar'.")
    tag = forms.ChoiceField(label="Domains", required=False)

    def __init__(self, *args: Any, tags: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "all domains"), *((tag, f"those with the tag {tag}") for tag in tags)]
        self.fields["tag"].choices = choices  # type: ignore[attr-defined]
