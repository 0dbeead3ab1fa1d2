from django.urls import path

from notifications.wordings import views

_LIST = "w/<uuid:workspace_id>/settings/templates/"
_ONE = f"{_LIST}<uuid:template_id>/"

urlpatterns = [
    path(_LIST, views.list_templates, name="template-list"),
    path(f"{_LIST}add/", views.add_template, name="template-add"),
    path(f"{_LIST}preview/", views.preview_new, name="template-preview-new"),
    path(f"{_ONE}edit/", views.edit_template, name="template-edit"),
    path(f"{_ONE}preview/", views.preview_one, name="template-preview"),
    path(f"{_ONE}delete/", views.delete_one_template, name="template-delete"),
]
