# Debian 13 with its own Python 3.13, set up by the same ./dev setup as any other machine: one list of system packages, in ./dev.
FROM debian:trixie-slim

ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PATH=/srv/rouge/.venv/bin:$PATH
WORKDIR /srv/rouge

# First what changes seldom: system packages, pg_dump for the backups of PostgreSQL, and the locked dependencies.
COPY dev pyproject.toml ./
COPY requirements ./requirements
# An image keeps whole seconds only: with the fonts' folders touched to one, their cache stays true, and no print makes it anew.
RUN ./dev setup --with-postgresql && .venv/bin/python -m compileall -q .venv/lib \
    && find /usr/share/fonts /usr/local/share/fonts -type d -exec touch -d @1 {} + && fc-cache --system-only \
    && rm -rf /var/lib/apt/lists/* /root/.cache

COPY . .
RUN python -m compileall -q app seed migrations \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin rouge \
    && install -d -o rouge -g rouge -m 700 /data /keys
USER rouge

ENV ROUGE_DATA_DIR=/data ROUGE_KEY_FILE=/keys/rouge.key ROUGE_HOST=0.0.0.0 ROUGE_PORT=8000
VOLUME ["/data", "/keys"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['ROUGE_PORT']}/healthz\", timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["rouge", "serve"]
