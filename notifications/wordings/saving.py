"""Templates are made, changed and deleted here, for the page and the API alike."""

from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, difference, record
from config.lib.errors import NeedsUser
from notifications.models import AlertTemplate, Channel
from notifications.wordings.composing import SHORT_AT_MOST, SUBJECT_AT_MOST
from notifications.wordings.defaults import SHORT
from notifications.wordings.filling import check_variables
from notifications.wordings.variables import VARIABLES

TEMPLATES_AT_MOST = 100
NAME_AT_MOST = 80
BODY_AT_MOST = 4_000
NAMED_RULES = 5


class InvalidTemplate(NeedsUser):
    """What cannot be, told beside the field `field_name`."""

    def __init__(self, field_name: str, code: str, **params: object) -> None:
        super().__init__(code, **params)
        self.field_name = field_name


def templates_of(workspace: Workspace) -> QuerySet[AlertTemplate]:
    """With `rule_count`, how many rules use each."""
    return AlertTemplate.objects.for_workspace(workspace).annotate(rule_count=Count("rules"))


def create_template(
    *, workspace: Workspace, actor: Actor, channel: str, name: str, subject: str, body: str
) -> AlertTemplate:
    """Raises InvalidTemplate for a field, and NeedsUser templates_full."""
    checked = check_texts(channel, name=name, subject=subject, body=body)
    with transaction.atomic():
        _one_at_a_time(workspace)
        if AlertTemplate.objects.for_workspace(workspace).count() >= TEMPLATES_AT_MOST:
            raise NeedsUser("templates_full", most=TEMPLATES_AT_MOST)
        template = AlertTemplate(workspace=workspace, channel=channel, **checked)
        _require_free_name(template)
        template.save(force_insert=True)
        _record("template.created", template, actor, **difference({}, _shown(template)))
    return template


def change_template(
    *,
    template: AlertTemplate,
    actor: Actor,
    name: str | None = None,
    subject: str | None = None,
    body: str | None = None,
) -> AlertTemplate:
    """What is None stays. What was put out already keeps its words. Raises InvalidTemplate for a field."""
    wanted = {"name": name, "subject": subject, "body": body}
    with transaction.atomic():
        _one_at_a_time(template.workspace)
        row = AlertTemplate.objects.for_workspace(template.workspace).get(pk=template.pk)
        before = _shown(row)
        given = {key: before[key] if value is None else value for key, value in wanted.items()}
        checked = check_texts(row.channel, **given)
        if checked == before:
            return row
        for key, value in checked.items():
            setattr(row, key, value)
        _require_free_name(row)
        row.save(update_fields=list(checked))
        _record("template.changed", row, actor, **difference(before, checked))
    return row


def delete_template(*, template: AlertTemplate, actor: Actor) -> None:
    """Raises NeedsUser template_in_use while rules name it. Repeatable."""
    with transaction.atomic():
        _one_at_a_time(template.workspace)
        # Rules are made without that lock: this row's keeps new ones from naming it.
        row = AlertTemplate.objects.for_workspace(template.workspace).select_for_update().filter(pk=template.pk).first()
        if row is None:
            return
        names = list(row.rules.order_by("name").values_list("name", flat=True))
        if names:
            raise NeedsUser("template_in_use", count=len(names), names=names[:NAMED_RULES])
        _record("template.deleted", row, actor, **difference(_shown(row), {}))
        row.delete()


def check_texts(channel: str, *, name: str, subject: str, body: str) -> dict[str, str]:
    """The texts as they are kept. Raises InvalidTemplate for the first that cannot be."""
    texts = {
        "name": " ".join(name.split()),
        "subject": " ".join(subject.split()),
        "body": body.replace("\r\n", "\n").replace("\r", "\n").strip(),
    }
    if not texts["name"]:
        raise InvalidTemplate("name", "template_name_missing")
    if not texts["body"]:
        raise InvalidTemplate("body", "template_body_missing")
    for key, most in limits_of(channel).items():
        _require_fitting(key, texts[key], most)
    for key in ("subject", "body"):
        try:
            check_variables(texts[key], VARIABLES)
        except NeedsUser as error:
            raise InvalidTemplate(key, error.code, **error.params) from error
    return texts


def limits_of(channel: str) -> dict[str, int]:
    """How many characters each text may have."""
    most = SHORT_AT_MOST if channel in SHORT else BODY_AT_MOST
    return {"name": NAME_AT_MOST, "subject": SUBJECT_AT_MOST, "body": most}


def _require_fitting(key: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidTemplate(key, "template_too_long", length=len(text), most=most, over=len(text) - most)


def _one_at_a_time(workspace: Workspace) -> None:
    """Two admins at once: the second waits here, and sees what the first has done."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def _require_free_name(template: AlertTemplate) -> None:
    rows = AlertTemplate.objects.for_workspace(template.workspace)
    if rows.filter(channel=template.channel, name=template.name).exclude(pk=template.pk).exists():
        raise InvalidTemplate("name", "template_name_taken", name=template.name)


def _shown(template: AlertTemplate) -> dict[str, str]:
    """What the audit log compares."""
    return {name: getattr(template, name) for name in ("name", "subject", "body")}


def _record(kind: str, template: AlertTemplate, actor: Actor, **more: Any) -> None:
    data = {"template": str(template.pk), "name": template.name, "channel": Channel(template.channel).label, **more}
    record(kind, workspace_id=template.workspace_id, actor=actor, data=data)
