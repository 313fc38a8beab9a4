# One image for every command: serve, api, worker, migrate. Runs with a read-only root file system.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ADQUEM_HOME=/data
RUN useradd --system --uid 10001 --no-create-home adquem && install -d -o adquem -m 700 /data
WORKDIR /app

COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.txt

COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY workers workers
COPY templates templates
COPY alembic alembic
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    && python -m compileall -q service workers

USER adquem
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('ADQUEM_PORT', '8000') + '/healthz', timeout=2)"]
ENTRYPOINT ["adquem"]
CMD ["serve", "--host", "0.0.0.0"]
