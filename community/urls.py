"""The site's addresses: a composition root, outside the import contracts."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
