# One image for every role: `serve` (the default), `worker`, `migrate`, and each other command of `arpad`.
# Runs as an unprivileged user on a read-only root: only /data and /tmp are written to.
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_CACHE_DIR=/var/cache/pip
WORKDIR /build
# The dependencies come first: they change less often than the code.
RUN python -m venv --without-pip /opt/arpad
COPY requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/arpad/bin/python install --only-binary :all: --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY migrations migrations
RUN --mount=type=cache,target=/var/cache/pip \
    pip wheel --no-deps --wheel-dir dist . \
    && pip --python /opt/arpad/bin/python install --no-deps --no-index dist/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Arpad" \
      org.opencontainers.image.description="A self-hosted rating service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
RUN groupadd --gid 10001 arpad \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --no-log-init --shell /usr/sbin/nologin arpad \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=builder /opt/arpad /opt/arpad
ENV PATH=/opt/arpad/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ARPAD_DATA=/data \
    ARPAD_HOST=0.0.0.0 \
    ARPAD_PORT=8000
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s --retries=3 CMD ["arpad", "health"]
ENTRYPOINT ["arpad"]
CMD ["serve"]
