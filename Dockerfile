# syntax=docker/dockerfile:1
# Shimmy on the CPU (target "cpu", the default) or on NVIDIA GPUs (target "cuda"). docs/install.md
# describes the image. It holds Deno, the bundle and libllama: nothing is downloaded when it runs.
ARG DENO_VERSION=2.9.6

FROM denoland/deno:bin-${DENO_VERSION} AS deno

FROM debian:bookworm-slim AS build
COPY --from=deno /deno /usr/local/bin/deno
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/deno-dir deno task bundle
RUN --mount=type=cache,target=/deno-dir \
    deno task libraries --variant cpu --to /opt/shimmy/lib

# llama.cpp's release archive brings CUDA's own libraries; the host brings the driver.
FROM build AS build-cuda
RUN --mount=type=cache,target=/deno-dir \
    deno task libraries --variant cuda --to /opt/shimmy/lib-cuda

FROM debian:bookworm-slim AS base
RUN groupadd --system --gid 10001 shimmy && \
    useradd --system --uid 10001 --gid shimmy --home-dir /data --shell /usr/sbin/nologin shimmy && \
    install -d -o shimmy -g shimmy -m 0750 /data && \
    install -d /models
COPY --from=deno /deno /usr/local/bin/deno
COPY --chmod=755 packaging/docker/shimmy /usr/local/bin/shimmy
COPY packaging/docker/health.js /opt/shimmy/health.js
COPY --from=build /src/LICENSE /src/dist/shimmy.js /opt/shimmy/
# HOME and the cache lie in the volume: pulled models, saved sessions, Deno's code cache.
ENV HOME=/data \
    DENO_DIR=/data/deno \
    DENO_NO_UPDATE_CHECK=1 \
    SHIMMY_CACHE_DIR=/data/cache \
    SHIMMY_MODEL_PATHS=/models \
    SHIMMY_LIBLLAMA=/opt/shimmy/lib \
    SHIMMY_BIND_ADDRESS=0.0.0.0:11435
WORKDIR /data
VOLUME /data
EXPOSE 11435
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["deno", "run", "--no-config", "--allow-net=127.0.0.1:11435", "/opt/shimmy/health.js"]
ENTRYPOINT ["shimmy"]
CMD ["serve"]

FROM base AS cuda
COPY --from=build-cuda /opt/shimmy/lib-cuda /opt/shimmy/lib
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS cpu
COPY --from=build /opt/shimmy/lib /opt/shimmy/lib
