from django.urls import path

from certificates.replacing import views

_ALL = "w/<uuid:workspace_id>/replacements/"
_ONE = f"{_ALL}<uuid:replacement_id>/"

urlpatterns = [
    path(_ALL, views.show_list, name="replacement-list"),
    path(f"{_ALL}new/", views.begin, name="replacement-begin"),
    path(_ONE, views.show, name="replacement-show"),
    path(f"{_ONE}again/", views.again, name="replacement-again"),
    path(f"{_ONE}end/", views.end, name="replacement-end"),
]
