from django.urls import path

from notifications.renewing import views

urlpatterns = [
    path("w/<uuid:workspace_id>/domains/<uuid:domain_id>/notify/", views.save_boxes, name="domain-notify"),
]
