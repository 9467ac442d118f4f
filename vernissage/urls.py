from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("access.urls")),
    path("", include("generation.urls")),
    path("", include("review.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
