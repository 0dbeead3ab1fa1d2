from django.urls import path

from certificates.pull import serving, views

urlpatterns = [
    path("pull/bundle.tar", serving.give_tar, name="pull-tar"),
    path("pull/bundle.pem", serving.give_pem, name="pull-pem"),
    path("w/<uuid:workspace_id>/certificates/<uuid:certificate_id>/pull/", views.create, name="pull-create"),
    path("w/<uuid:workspace_id>/pull-tokens/<uuid:pull_token_id>/revoke/", views.revoke, name="pull-revoke"),
]
