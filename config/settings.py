"""Every setting, read once and typed. Names and meanings: `.env.example`."""

import secrets
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from config.lib.database_url import parse_database_url
from config.lib.env import Env, is_address

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env.load(BASE_DIR / ".env")

# Which process this is: web, work, inspect, beat, dns, or manage (commands and tests).
ROLE = env.choice("ROLE", "manage", ("web", "work", "inspect", "beat", "dns", "manage"))
# Inspect and dns speak with strangers that may be hostile, beat only rings: what they never read they cannot lose.
IS_KEYLESS = ROLE in ("inspect", "beat", "dns")
if IS_KEYLESS:
    env.forget("SECRET_KEY", "SECRETS_ENCRYPTION_KEY", "SECRETS_ENCRYPTION_KEYS_OLD", "EMAIL_URL")
    env.forget("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
DEBUG = env.flag("DEBUG")
VAR_DIR = (BASE_DIR / env.text("VAR_DIR", "var")).resolve()
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
BIND = env.text("BIND", "127.0.0.1:8000")
SITE_URL = env.text("SITE_URL", f"http://{BIND}").rstrip("/")
SITE_NAME = env.text("SITE_NAME", "ManageMyCert")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
IS_HTTPS = SITE_URL.startswith("https://")
if not IS_HTTPS and SITE_HOST not in LOOPBACK_HOSTS and not DEBUG:
    env.complain("SITE_URL", f"is {SITE_URL}; beyond loopback it must be https://")

# Django wants one everywhere; where nobody signs in, a new one at every start does.
SECRET_KEY = secrets.token_urlsafe(50) if IS_KEYLESS else env.secret("SECRET_KEY")
if not SECRET_KEY:
    env.complain("SECRET_KEY", "is missing; `make run` writes one into .env, or set 50 random characters")
ALLOWED_HOSTS = [SITE_HOST, *env.words("ALLOWED_HOSTS")] + ([] if IS_HTTPS else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, low=0, high=10)


def _encryption_keys() -> tuple[bytes, ...]:
    """The current key first; none where the role has no use for one."""
    if IS_KEYLESS:
        return ()
    words = [env.secret("SECRETS_ENCRYPTION_KEY"), *env.secret("SECRETS_ENCRYPTION_KEYS_OLD").split(",")]
    keys = []
    for name, word in zip(["SECRETS_ENCRYPTION_KEY"] + ["SECRETS_ENCRYPTION_KEYS_OLD"] * 99, words, strict=False):
        if len(word.strip()) == 64 and set(word.strip().lower()) <= set("0123456789abcdef"):
            keys.append(bytes.fromhex(word.strip()))
        elif word.strip() or name == "SECRETS_ENCRYPTION_KEY":
            env.complain(name, "must be 32 bytes as 64 hex digits; `openssl rand -hex 32` makes one")
    return tuple(keys)


SECRETS_ENCRYPTION_KEYS = _encryption_keys()

INSTALLED_APPS = [
    "config",
    # Before accounts, which takes back one of its receivers.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "auditlog",
    "accounts",
    "accounts.staff_apps.StaffSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
]
# A room joins as soon as its folder is an app.
INSTALLED_APPS[6:6] = [
    room
    for room in ("domains", "billing", "notifications", "certificates", "deploy")
    if (BASE_DIR / room / "apps.py").is_file()
]

MIDDLEWARE = [
    "config.middleware.request_ids",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.private_pages",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
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
                "config.pages.site_context",
            ],
            "builtins": ["config.templatetags.portal"],
        },
    }
]

DATABASE_URL = env.secret("DATABASE_URL")
DATABASES = {"default": parse_database_url(DATABASE_URL, VAR_DIR / "portal.sqlite3", env)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Limits live in the database: a flushed Redis must not reset them.
    # The default of 300 rows would drop limits that still count.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.passwords.GuessedPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.WorkspaceSignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
# Signed in at once after sign-up; what an unverified person may not do is the policy's business.
ACCOUNT_EMAIL_VERIFICATION = "optional"
# People are signed in at once, so a refusal would tell who has an account: a taken address makes a
# second, unverified account instead, which may do nothing.
ACCOUNT_PREVENT_ENUMERATION = "strict"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # e-mail addresses are unique once verified, not before
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
# allauth's five wrong passwords per address would let anybody shut a person out from elsewhere.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,30/300s/key",
    "second_step": "5/300s/key,20/d/key",
    # allauth's own limit is by address alone; see AccountAdapter.send_confirmation_mail.
    "confirm_email": "",
    "confirm_mine": "1/180s/key,10/d/key",
    "confirm_any": "20/d/key",
}
ACCOUNT_FORMS = {"reset_password": "accounts.reset.OneResetForm"}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "accounts.mfa.MfaAdapter"
# Browsers make passkeys for host names, not for addresses.
MFA_SUPPORTED_TYPES = ["totp", *([] if is_address(SITE_HOST) else ["webauthn"]), "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS  # loopback only, as SITE_URL is then
MFA_FORMS = {
    "authenticate": "accounts.second_step.SecondStepForm",
    "reauthenticate": "accounts.second_step.ConfirmCodeForm",
    "add_webauthn": "accounts.passkeys.NewPasskeyForm",
    "login_webauthn": "accounts.passkeys.SignInPasskeyForm",
    "authenticate_webauthn": "accounts.passkeys.SecondStepPasskeyForm",
    "reauthenticate_webauthn": "accounts.passkeys.ConfirmPasskeyForm",
}
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # one step, as RFC 6238 section 5.2 allows: clocks differ, and people type slowly

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = False

REDIS_URL = env.secret("REDIS_URL")
WORKER_CONCURRENCY = env.number("WORKER_CONCURRENCY", 16, low=2, high=256)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# Never through a temporary file, since an upload may hold a private key: a file that is too large for memory is not
# taken at all.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
# So long does an interactive API call wait for the worker; then it answers 202.
ANSWER_WITHIN_SECONDS = 10.0

# Outgoing connections
DNS_RESOLVERS = env.addresses("DNS_RESOLVERS", 53)
EGRESS_ALLOW_CIDRS = env.networks("EGRESS_ALLOW_CIDRS")
EXTRA_PORTS = env.ports("EXTRA_PORTS")
TLS_EXTRA_CA_BUNDLE = env.text("TLS_EXTRA_CA_BUNDLE")
ACME_DIRECTORY_URL = env.text("ACME_DIRECTORY_URL", "https://acme-v02.api.letsencrypt.org/directory")
ACME_CA_BUNDLE = env.text("ACME_CA_BUNDLE")
ACME_EMAIL = env.text("ACME_EMAIL")
ACME_ISSUE_MIN_DAYS_LEFT = env.number("ACME_ISSUE_MIN_DAYS_LEFT", 30, low=0, high=398)
ACME_HTTP01_PORT = env.number("ACME_HTTP01_PORT", 80, low=1, high=65535)
ACME_HTTP01_SECONDS = env.number("ACME_HTTP01_SECONDS", 10, low=1, high=12)
VERIFIER_IP = env.text("VERIFIER_IP", "198.51.100.42")
# The zone of the bundled responder; empty: nobody can hand a name to it.
ACME_DNS_ZONE = env.text("ACME_DNS_ZONE").lower().strip(".")
ACME_DNS_BIND = env.addresses("ACME_DNS_BIND", 53)
ACME_DNS_NS = tuple(name.lower().rstrip(".") for name in env.words("ACME_DNS_NS"))
if ACME_DNS_ZONE and not ACME_DNS_NS:
    env.complain("ACME_DNS_NS", "is missing; name the hosts that answer for ACME_DNS_ZONE")
if ACME_DNS_BIND and not ACME_DNS_ZONE:
    env.complain("ACME_DNS_ZONE", "is missing; ACME_DNS_BIND answers for a zone")
if len(ACME_DNS_ZONE) > 200 or any(ch not in "abcdefghijklmnopqrstuvwxyz0123456789-." for ch in ACME_DNS_ZONE):
    env.complain("ACME_DNS_ZONE", f"is {ACME_DNS_ZONE}; write a host name of at most 200 characters")
if any(name == ACME_DNS_ZONE or name.endswith(f".{ACME_DNS_ZONE}") for name in ACME_DNS_NS):
    env.complain("ACME_DNS_NS", "has a name inside ACME_DNS_ZONE, where no address can be; use one of another zone")
for name, bundle in (("TLS_EXTRA_CA_BUNDLE", TLS_EXTRA_CA_BUNDLE), ("ACME_CA_BUNDLE", ACME_CA_BUNDLE)):
    if bundle and not Path(bundle).is_file():
        env.complain(name, f"names a file that is not there: {bundle}")
if f".{ACME_EMAIL.rpartition('@')[2]}".lower().rstrip(".").endswith((".example.com", ".example.net", ".example.org")):
    env.complain("ACME_EMAIL", "must be a real contact mailbox")

# What a workspace may send in a day at the operator's cost, and what a mistake may cost at a customer's own.
PLATFORM_MAILS_A_DAY = env.number("PLATFORM_MAILS_A_DAY", 1000, low=0, high=1_000_000)
SMS_A_DAY = env.number("SMS_A_DAY", 200, low=0, high=1_000_000)
TWILIO_API_BASE = env.api_base("TWILIO_API_BASE", "https://api.twilio.com")

EMAIL_URL = env.secret("EMAIL_URL")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <noreply@{SITE_HOST or 'localhost'}>")
if "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    env.complain("DEFAULT_FROM_EMAIL", "must hold a mail address")
# Empty: no 'Continue with Google' anywhere.
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID")
GOOGLE_CERTS_URL = env.text("GOOGLE_CERTS_URL", "https://www.googleapis.com/oauth2/v1/certs")
_keys_from = urlsplit(GOOGLE_CERTS_URL)
if _keys_from.scheme != "https" and (_keys_from.scheme != "http" or _keys_from.hostname not in LOOPBACK_HOSTS):
    env.complain("GOOGLE_CERTS_URL", f"is {GOOGLE_CERTS_URL}; beyond loopback it must be https://")
# Billing
STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY")
STRIPE_PUBLISHABLE_KEY = env.text("STRIPE_PUBLISHABLE_KEY")
STRIPE_WEBHOOK_SECRET = env.secret("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env.api_base("STRIPE_API_BASE", "https://api.stripe.com")
BILLING_MIN_BALANCE = env.money("BILLING_MIN_BALANCE", "3.00")
BILLING_PRICE_SSH_CENTS = env.number("BILLING_PRICE_SSH_CENTS", 5, low=0, high=100_000)
BILLING_PRICE_PANEL_CENTS = env.number("BILLING_PRICE_PANEL_CENTS", 5, low=0, high=100_000)
BILLING_PRICE_RENEW_CENTS = env.number("BILLING_PRICE_RENEW_CENTS", 10, low=0, high=100_000)
BILLING_RENEW_WHEN_LATE = env.flag("BILLING_RENEW_WHEN_LATE", default=True)

METRICS_TOKEN = env.secret("METRICS_TOKEN")

# In days. Below the lowest of each, something that is still at work would miss what is gone.
KEEP_DELIVERIES_DAYS = env.number("KEEP_DELIVERIES_DAYS", 180, low=30, high=36_500)
KEEP_INSPECTIONS_DAYS = env.number("KEEP_INSPECTIONS_DAYS", 730, low=7, high=36_500)
KEEP_FINDINGS_DAYS = env.number("KEEP_FINDINGS_DAYS", 365, low=30, high=36_500)
KEEP_RUNS_DAYS = env.number("KEEP_RUNS_DAYS", 730, low=30, high=36_500)
KEEP_MAILS_DAYS = env.number("KEEP_MAILS_DAYS", 30, low=2, high=36_500)

# People read what commands say, machines what the processes of a portal do.
LOG_FORMAT = env.choice("LOG_FORMAT", "lines" if ROLE == "manage" else "json", ("json", "lines"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "config.lib.redact.Redactor"}},
    "formatters": {
        "lines": {"()": "config.lib.redact.LineFormatter"},
        "json": {"()": "config.lib.redact.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "DEBUG" if DEBUG else "INFO"},
    "loggers": {
        # DEBUG of these prints request bodies, statements or key exchanges.
        **{
            name: {"level": "INFO"}
            for name in ("acme", "urllib3", "httpx", "httpcore", "asyncio", "django.db.backends", "celery", "kombu")
        },
        # Two lines for every message; `job.worked` says what came of it.
        **{name: {"level": "WARNING"} for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat")},
        "paramiko": {"level": "CRITICAL"},
        "django.security.DisallowedHost": {"level": "ERROR", "handlers": [], "propagate": False},
    },
}

env.check()
