from django.urls import path

from certificates.forecast import views

urlpatterns = [path("w/<uuid:workspace_id>/certificates/forecast/", views.show_forecast, name="forecast")]
