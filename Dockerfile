# One Dockerfile for all images. `--build-arg SERVICE=basket` makes an image with the chassis and that service only.
# The same image runs web, relay and consumer. The command decides. `--target bootstrap` makes the image that deploys the templates.
FROM python:3.13-slim AS dependencies
COPY pyproject.toml uv.lock /build/
WORKDIR /build
# Another dependency group for the images, as `--only-group otlp`
ARG EXTRA=""
# The versions and hashes come from the lock file. uv only reads it, so no tool ends up in the image.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /venv \
    && python -m venv /tools \
    && /tools/bin/pip install --quiet "$(grep -o 'uv==[0-9.]*' pyproject.toml)" \
    && /tools/bin/uv export --quiet --frozen --only-group services $EXTRA --output-file requirements.txt \
    && /tools/bin/pip --python /venv/bin/python install --quiet --require-hashes -r requirements.txt \
    && /venv/bin/python -m compileall -q /venv/lib

# Caddy, by the same lock file
FROM dependencies AS caddy
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /caddy \
    && /tools/bin/uv export --quiet --frozen --only-group door --output-file door.txt \
    && /tools/bin/pip --python /caddy/bin/python install --quiet --require-hashes -r door.txt

FROM python:3.13-slim AS door
COPY --from=caddy /caddy/bin/caddy /usr/local/bin/caddy
COPY --chmod=755 door/ /shop/door/
ENV DOOR_HOST=0.0.0.0 DOOR_PORT=8000 XDG_DATA_HOME=/tmp XDG_CONFIG_HOME=/tmp
USER 10001:10001
EXPOSE 8000
CMD ["caddy", "run", "--config", "/shop/door/Caddyfile", "--adapter", "caddyfile"]

FROM python:3.13-slim AS base
COPY --from=dependencies /venv /venv
# A name server that does not answer is given up after 1 s and not after 5 s, so the next one is asked in time.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RES_OPTIONS="timeout:1 attempts:2"
WORKDIR /shop
# A volume that is mounted here gets its owner from this folder.
RUN install -d -o 10001 -g 10001 /traces
# A clone made with `umask 077` has files that only its owner can read, and the image runs as another user.
COPY --chmod=755 chassis/ chassis/
USER 10001:10001

# The templates and manifests of all services, without their code.
FROM python:3.13-slim AS templates
COPY --chmod=755 services/ /services/
RUN find /services -type f ! -name '*.yaml' ! -name '*.toml' -delete && find /services -type d -empty -delete

FROM base AS bootstrap
COPY --chmod=755 bootstrap/ bootstrap/
COPY --from=templates /services/ services/
ENTRYPOINT ["python", "-m", "bootstrap"]
CMD ["status"]

# The machine room. It reads the templates and manifests, and uses the commands' code for dead letters and traces.
FROM base AS room
ENV HOST=0.0.0.0 PORT=8000
COPY --chmod=755 bootstrap/ bootstrap/
COPY --chmod=755 shop/ shop/
COPY --from=templates /services/ services/
EXPOSE 8000
CMD ["gunicorn", "-c", "python:chassis.web.gunicorn", "--workers", "1", "shop.room.app:from_env()"]

FROM base AS service
ARG SERVICE
ENV SERVICE=${SERVICE} HOST=0.0.0.0 PORT=8000
COPY --chmod=755 services/${SERVICE}/ services/${SERVICE}/
EXPOSE 8000
CMD ["sh", "-c", "exec gunicorn -c python:chassis.web.gunicorn \"services.$SERVICE.app:from_env()\""]
