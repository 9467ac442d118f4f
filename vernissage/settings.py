"""All settings, from the environment. Without any, the embedded default: everything lives under ``var/``."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000")


def embedded_secret() -> str:
    """The secret of an embedded site: made once, kept under ``var/``."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


SECURE_PROXY = env.bool("SECURE_PROXY", default=False)  # behind a proxy that ends TLS: a production site
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if SECURE_PROXY:
        raise ImproperlyConfigured("Set SECRET_KEY: a site behind a TLS proxy does not make its own.")
    SECRET_KEY = embedded_secret()

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", urlsplit(SITE_URL).hostname or ""]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "vernissage.apps.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "access",
    "generation",
    "review",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.middleware.sign_in",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "access.middleware.credentials",
    "access.middleware.viewer_time_zone",
    "access.middleware.refusals",
]

ROOT_URLCONF = "vernissage.urls"
ASGI_APPLICATION = "vernissage.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "access.context.shell",
            ],
        },
    },
]

# Sessions, rate limits and the broker folder are shared by several processes: nothing may live in one of them.
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'vernissage.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Without these, writers in several processes meet "database is locked" (docs/decisions/0002).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }
else:
    options = DATABASES["default"].setdefault("OPTIONS", {})
    # The planner takes the statement that walks the queue for as dear as the queue is long. From some three thousand on
    # PostgreSQL would compile it before each claim: a second, for what takes a millisecond.
    options.setdefault("options", "-c jit=off")
    # Bound on the server, a query is planned once a connection, not each time; that of a page is most of its cost.
    options |= {"server_side_binding": True, "prepare_threshold": 2}
    if not DATABASES["default"].get("CONN_MAX_AGE"):
        # A page needs one for as long as it is made; psycopg's own limit is four, and a fifth page would wait.
        pool = {"min_size": 2, "max_size": env.int("DATABASE_POOL_SIZE", default=20)}
        options["pool"] = pool if env.bool("DATABASE_POOL", default=True) else False
        # Without it each connection of the pool fails one request after the database restarted.
        DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)

CACHES = {"default": env.cache("CACHE_URL", default=f"filecache://{VAR_DIR / 'cache'}")}
EMAIL_CONFIG = env.email("EMAIL_URL", default=f"filemail://{VAR_DIR / 'mail'}")
vars().update(EMAIL_CONFIG)
if EMAIL_CONFIG["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Vernissage <vernissage@localhost>")

# --- Accounts ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "access.accounts.InvitationOnly"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # without a password here, allauth drops it from sign-in too
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True

# --- Queues: the database is the queue, Celery is the doorbell ---------------------------------------------------
CELERY_BROKER_URL = env.str("BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL == "filesystem://":
    for folder in ("queue", "queue/control"):
        (VAR_DIR / "broker" / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT = "access.file_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "data_folder_in": str(VAR_DIR / "broker/queue"),
        "data_folder_out": str(VAR_DIR / "broker/queue"),
        "control_folder": str(VAR_DIR / "broker/queue/control"),
    }
else:
    # A ring that cannot be delivered costs at most 200 ms; the sweep rings again.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 0.2, "socket_timeout": 5, "max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"generation.render": {"queue": "render"}}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")


def every(seconds: float, task: str) -> dict[str, object]:
    """A task of the clock. One that waited so long that the next is there is dropped: a busy worker has no backlog."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 15.0)}}


CELERY_BEAT_SCHEDULE = {
    "sweep": every(10.0, "generation.sweep"),
    "complete-renditions": every(30.0, "generation.complete_renditions"),
    "clear-unused-pictures": every(3600.0, "generation.clear_unused_pictures"),
    "deliver": every(5.0, "access.deliver"),
    "settle": every(10.0, "review.settle"),
    "look-over": every(15.0, "review.look_over"),
    "count-figures": every(60.0, "review.count_figures"),
    "clear-abandoned": every(3600.0, "access.clear_abandoned"),
    "clear-orphans": every(24 * 3600.0, "access.clear_orphans"),
    "verify-media": every(60.0, "access.verify_some"),
}

# --- Rendering ---------------------------------------------------------------------------------------------------
FFMPEG_BINARY = env.str("FFMPEG_BINARY", default="")  # empty: ffmpeg on the path, else the one of imageio-ffmpeg
LEASES = {"load": 120, "denoise": 30, "decode": 60, "encode": 60}  # seconds a phase may go without a sign of life
# One core stays free for pages and the encoder: threads of torch wait for the slowest of them at every layer.
RENDER_THREADS = env.int("RENDER_THREADS", default=max(1, (os.cpu_count() or 2) - 1))
RENDER_QUEUES = env.list("RENDER_QUEUES", default=["render"])  # of whose pipelines this worker renders
RENDER_RESIDENT = env.int("RENDER_RESIDENT", default=1)  # models in memory at once; the least recently used goes first
RENDER_HANDS = env.int("RENDER_HANDS", default=2)  # 2: denoise a batch while the one before is decoded and encoded
POCKET_FOLDER = BASE_DIR / "generation/pocket"
MEDIA_DIR = VAR_DIR / "media"
ACCEL_PREFIX = env.str("ACCEL_PREFIX", default="")  # set behind nginx: bytes leave by X-Accel-Redirect
UNDO_SECONDS = 30  # a decision takes effect this long after it is made

# --- Pages -------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR_DIR / "unused")},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEBUG or not SECURE_PROXY:
    # The embedded site serves static files by name; a production site collects and hashes them.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "generation.uploading.Capped",  # no more of a file reaches the disk than anybody may send
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if SECURE_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
