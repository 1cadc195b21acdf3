# A worker with all dependencies: packages, TensorFlow's library, the native part of TensorFlow.js, the default model.
ARG NODE_IMAGE=node:22.20.0-bookworm-slim
# For builds from one image for ever: --build-arg NODE_IMAGE=node:22.20.0-bookworm-slim@sha256:…

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip python3-venv g++ \
 && rm -rf /var/lib/apt/lists/*
# TEMPORAL_ADDRESS is set because the server runs in another container: set-up then skips Temporal's command.
# RLAIF_TENSORFLOW: cpu, or cuda for NVIDIA devices (4 GB larger).
ARG RLAIF_TENSORFLOW=cpu
# RLAIF_ENGINE=ray adds PyTorch and Ray, for jobs on the worker's own machine ("address": "local"); clusters have their own.
ARG RLAIF_ENGINE=tfjs
ENV RLAIF_CACHE=/opt/rlaif-cache TEMPORAL_ADDRESS=temporal:7233 RLAIF_TENSORFLOW=${RLAIF_TENSORFLOW} RLAIF_ENGINE=${RLAIF_ENGINE}
WORKDIR /opt/rlaif
COPY package.json package-lock.json .npmrc ./
COPY setup setup
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY pages pages
COPY tasks tasks
COPY engines engines
COPY deploy/image.sh deploy/door.mjs deploy/ui-door.mjs deploy/
COPY deploy/s3 deploy/s3
RUN sh deploy/image.sh

FROM ${NODE_IMAGE}
# Set-up's folder is only read; what runs download and make goes into the cache, a volume that may begin empty.
ENV NODE_ENV=production RLAIF_INSTALLED=/opt/rlaif-cache RLAIF_CACHE=/var/cache/rlaif RLAIF_HOME=/var/lib/rlaif TEMPORAL_ADDRESS=temporal:7233
ARG RLAIF_ENGINE=tfjs
RUN test "$RLAIF_ENGINE" = tfjs || (apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*)
COPY --from=build /opt/rlaif-cache /opt/rlaif-cache
COPY --from=build /opt/rlaif /opt/rlaif
COPY schedules /opt/rlaif/schedules
RUN mkdir -p "$RLAIF_HOME" "$RLAIF_CACHE" && chown node:node "$RLAIF_HOME" "$RLAIF_CACHE"
WORKDIR /opt/rlaif
USER node
VOLUME /var/lib/rlaif /var/cache/rlaif
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
