from notifications.gateways.urls import urlpatterns as gateways
from notifications.incidents.urls import urlpatterns as incidents
from notifications.renewing.urls import urlpatterns as renewing
from notifications.rules.urls import urlpatterns as rules
from notifications.wordings.urls import urlpatterns as wordings

app_name = "notifications"

urlpatterns = [*gateways, *wordings, *rules, *incidents, *renewing]
