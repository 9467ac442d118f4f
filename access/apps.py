from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        # Higher floors say here, in Django's own idiom, who may see a file of theirs.
        autodiscover_modules("media_rules")
