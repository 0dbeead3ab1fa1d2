from django.urls import path

from notifications.rules import views

_LIST = "w/<uuid:workspace_id>/settings/rules/"
_ONE = f"{_LIST}<uuid:rule_id>/"

urlpatterns = [
    path(_LIST, views.list_rules, name="rule-list"),
    path(f"{_LIST}add/", views.add_rule, name="rule-add"),
    path(f"{_LIST}preview/", views.preview_new, name="rule-preview-new"),
    path(_ONE, views.show_one_rule, name="rule-detail"),
    path(f"{_ONE}edit/", views.edit_rule, name="rule-edit"),
    path(f"{_ONE}preview/", views.preview_one, name="rule-preview"),
    path(f"{_ONE}pause/", views.pause_one_rule, name="rule-pause"),
    path(f"{_ONE}resume/", views.resume_one_rule, name="rule-resume"),
    path(f"{_ONE}duplicate/", views.duplicate_one_rule, name="rule-duplicate"),
    path(f"{_ONE}delete/", views.delete_one_rule, name="rule-delete"),
]
