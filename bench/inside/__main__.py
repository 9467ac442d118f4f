"""Run one of these modules with Django set up: ``python -m bench.inside NAME``."""

import sys
from importlib import import_module

import django

if __name__ == "__main__":
    django.setup()
    import_module("vernissage.celery")  # the broker, for ringing
    import_module(f"bench.inside.{sys.argv[1]}").main()
