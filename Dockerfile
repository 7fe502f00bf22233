# The servers as containers, for those who prefer them to `gas deploy`'s machines: one image, and the server's name as its
# argument. `docker build -t gas .`

FROM python:3.11-slim-bookworm AS build
WORKDIR /opt/gas
RUN python -m venv /opt/gas/venv
COPY requirements.txt constraints.txt ./
# Without what the local cloud alone needs
RUN grep -v '^moto' requirements.txt >servers.txt \
    && venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: -c constraints.txt -r servers.txt
COPY . .
# By the other Python: npm comes with it, and stays behind with it
RUN python -m frontend.install_assets \
    && rm -rf frontend/node_modules servers.txt \
    && venv/bin/python -m compileall -q annotator_hook cli deploy frontend shared util_hook

FROM python:3.11-slim-bookworm
RUN useradd --system --user-group --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin gas \
    && install -d -o gas -g gas /var/tmp/gas /var/tmp/gas-results
COPY --from=build /opt/gas /opt/gas
WORKDIR /opt/gas
ENV PYTHONUNBUFFERED=1
USER gas
EXPOSE 8000
# SIGTERM to gunicorn's master, as systemd does; give it GAS_DRAIN_NOTICE_SECONDS and 30 s more before it is killed.
ENTRYPOINT ["/opt/gas/venv/bin/python", "-m", "deploy.servers.launch"]
