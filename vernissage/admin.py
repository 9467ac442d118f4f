"""The Django admin of this site: its sign-in page is allauth's, so its limits hold there too."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.utils.decorators import method_decorator


class AdminSite(admin.AdminSite):
    site_header = site_title = "Vernissage"
    login = method_decorator(secure_admin_login)(admin.AdminSite.login)
