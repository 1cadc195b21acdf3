# A worker with all dependencies: packages, TensorFlow's library, the native part of TensorFlow.js, the default model.
ARG NODE_IMAGE=node:22-bookworm-slim
# For reproducible builds: --build-arg NODE_IMAGE=node:22-bookworm-slim@sha256:…

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip g++ \
 && rm -rf /var/lib/apt/lists/*
# TEMPORAL_ADDRESS is set because the server runs in another container: set-up then skips Temporal's command.
# RLAIF_TENSORFLOW: cpu, or cuda for NVIDIA devices (4 GB larger).
ARG RLAIF_TENSORFLOW=cpu
ENV RLAIF_CACHE=/opt/rlaif-cache TEMPORAL_ADDRESS=temporal:7233 RLAIF_TENSORFLOW=${RLAIF_TENSORFLOW}
WORKDIR /opt/rlaif
COPY package.json package-lock.json .npmrc ./
COPY setup setup
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY pages pages
COPY tasks tasks
COPY deploy/image.sh deploy/image.sh
RUN sh deploy/image.sh

FROM ${NODE_IMAGE}
ENV NODE_ENV=production RLAIF_CACHE=/opt/rlaif-cache RLAIF_HOME=/var/lib/rlaif TEMPORAL_ADDRESS=temporal:7233
COPY --from=build /opt/rlaif-cache /opt/rlaif-cache
COPY --from=build /opt/rlaif /opt/rlaif
COPY schedules /opt/rlaif/schedules
RUN mkdir -p "$RLAIF_HOME" && chown node:node "$RLAIF_HOME"
WORKDIR /opt/rlaif
USER node
VOLUME /var/lib/rlaif
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
