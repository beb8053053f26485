# One process tree, no root. Build: docker build -t crosspoint .
# Run: docker run --network host -v "$PWD/gateway.toml:/etc/crosspoint.toml:ro" -v crosspoint:/var/lib/crosspoint crosspoint
# RTP wants thousands of ports, so the host's network is the sensible one.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gateway gateway
COPY media media
COPY sip sip
RUN python -m venv /opt/crosspoint \
 && /opt/crosspoint/bin/python -m pip install --no-cache-dir --constraint constraints.txt ".[postgres,speech,s3]"

FROM python:3.11-slim-bookworm
RUN useradd --system --home-dir /var/lib/crosspoint --create-home --shell /usr/sbin/nologin crosspoint
COPY --from=build /opt/crosspoint /opt/crosspoint
COPY configs/demo.toml /etc/crosspoint.toml
USER crosspoint
WORKDIR /var/lib/crosspoint
ENV PATH=/opt/crosspoint/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 5060/udp 5060/tcp 8080/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
ENTRYPOINT ["crosspoint"]
CMD ["serve", "--config", "/etc/crosspoint.toml"]
