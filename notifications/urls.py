from notifications.gateways.urls import urlpatterns as gateways

app_name = "notifications"

urlpatterns = [*gateways]
