"""``python -m generation.drill``: the driver of a drill's site. ``manage.py drill`` starts it."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vernissage.settings")
    django.setup()
    from generation.drill import driver

    driver.listen()
