# The portal's one image: web, worker, inspect worker and beat differ by their command.
FROM python:3.13-slim-trixie AS packages
WORKDIR /portal
COPY requirements.lock .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.lock

FROM python:3.13-slim-trixie
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/var/lib/portal BIND=0.0.0.0:8000
# pg_dump and psql for backup and restore, of the major version that docker-compose.yml runs; pg_dump refuses a newer server.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/portal portal
COPY --from=packages /venv /venv
WORKDIR /portal
COPY . .
USER portal
# A missing static file fails the build rather than the start. No key of an image is ever used.
RUN SITE_URL=http://localhost SECRET_KEY=build SECRETS_ENCRYPTION_KEY=$(printf '0%.0s' $(seq 64)) \
    python manage.py collectstatic --noinput
EXPOSE 8000
CMD ["python", "manage.py", "run"]
