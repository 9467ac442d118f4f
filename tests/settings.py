"""The site's own settings, with a folder of its own and nothing slow."""

import os
import tempfile

os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="vernissage-test-"))
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("CACHE_URL", "locmemcache://")
os.environ.setdefault("DATABASE_POOL", "0")

from vernissage.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
RENDER_HANDS = 0  # in place: a hand of its own would not see a test's transaction
