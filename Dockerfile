# Builds the node and runs it as a user without rights.
#   docker build -t selfsame .
#   docker run -v $PWD/cluster:/cluster -p 7101:7101 -p 7201:7201 -p 7301:7301 selfsame node run --config /cluster/node1.toml
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin selfsame && strip target/release/selfsame

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data selfsame
COPY --from=build /src/target/release/selfsame /usr/local/bin/selfsame
USER selfsame
WORKDIR /data
EXPOSE 7101 7201 7301
# A node that cannot reach a quorum is not healthy for its clients: point SELFSAME_ENDPOINT at this node.
HEALTHCHECK --interval=15s --timeout=10s CMD ["selfsame", "health"]
ENTRYPOINT ["selfsame"]
CMD ["--help"]
