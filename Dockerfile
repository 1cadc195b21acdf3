# A worker with everything set up: packages, TensorFlow's library, the native part, the default model.
FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip g++ \
 && rm -rf /var/lib/apt/lists/*
ENV RLAIF_CACHE=/opt/rlaif-cache RLAIF_HOME=/var/lib/rlaif
# The server is another container's; its command is not needed here.
ENV TEMPORAL_ADDRESS=temporal:7233
WORKDIR /opt/rlaif
COPY package.json package-lock.json .npmrc ./
COPY setup setup
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY tasks tasks
COPY schedules schedules
RUN node setup/main.mjs \
 && mkdir -p "$RLAIF_HOME" && chown node:node "$RLAIF_HOME"
USER node
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
