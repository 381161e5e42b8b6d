# syntax=docker/dockerfile:1
# docker build -t switchboard .
# docker run --env-file .env switchboard migrate
# docker run --env-file .env -p 127.0.0.1:8000:8000 switchboard

# Libraries of GraphiQL and the console, verified by hash, so that the pages load nothing from another host.
FROM node:20-bookworm AS web
WORKDIR /src
COPY scripts/web-assets scripts/web-assets
COPY src/server/assets/pinned.json src/server/assets/pinned.json
RUN scripts/web-assets /web

FROM rust:1.95-slim-bookworm AS build
# Builds jemalloc.
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Dependencies in their own layer, cached until a manifest changes.
COPY Cargo.toml Cargo.lock ./
COPY migration/Cargo.toml migration/Cargo.toml
COPY benches/floor/Cargo.toml benches/floor/Cargo.toml
RUN mkdir -p src migration/src benches/floor/src \
    && echo 'fn main() {}' | tee src/main.rs > benches/floor/src/main.rs \
    && touch src/lib.rs migration/src/lib.rs \
    && cargo build --release --locked --bin switchboard \
    && rm -r src migration/src
COPY migration migration
COPY src src
# Cargo compares modification times, and the files of the layer above are newer than the sources.
RUN find src migration/src -type f -exec touch {} + \
    && cargo build --release --locked --bin switchboard

FROM debian:bookworm-slim
# ca-certificates: without them the server does not start. tzdata: used if newer than the built-in time zone data.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin switchboard \
    && install -d -o 10001 -g 10001 -m 700 /var/lib/switchboard
COPY --from=web /web /usr/share/switchboard/web
COPY --from=build /src/target/release/switchboard /usr/local/bin/switchboard
COPY LICENSE /usr/share/doc/switchboard/LICENSE
ENV BIND_ADDRESS=0.0.0.0:8000 \
    LOG_FORMAT=json \
    STATE_DIR=/var/lib/switchboard \
    WEB_ASSETS=/usr/share/switchboard/web
VOLUME /var/lib/switchboard
USER 10001:10001
EXPOSE 8000
# The image has no curl; bash can send the request.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${BIND_ADDRESS##*:} && printf 'GET /healthz HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["switchboard"]
CMD ["serve"]
