# The image of Reprise: `docker run … reprise api`, `reprise worker`, `reprise migrate`, and every other command.
# Debian, because Temporal's SDK has no binary for musl (Alpine).

FROM node:22.23.3-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src/
RUN npm run build

FROM node:22.23.3-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What is optional is for clones: an embedded Postgres, a Node, a compiler for workflows that are not built yet.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
# Temporal's SDK brings its core for five platforms, some 27 MB each; this one is kept.
RUN cd node_modules/@temporalio/core-bridge/releases && ls | grep -vx "$(uname -m)-unknown-linux-gnu" | xargs rm -r

FROM node:22.23.3-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE THIRD-PARTY-LICENSES.md ./
COPY scripts/reprise.mjs scripts/health.mjs scripts/
COPY assets assets/
COPY migrations migrations/
COPY --from=packages /app/node_modules node_modules/
COPY --from=build /app/dist dist/
# The user `node` of the base image, by number, so that Kubernetes can see that it is not root. It owns nothing here.
USER 1000:1000
# In a container loopback is reached by nobody. The port of the metrics is also how a worker says that it lives.
ENV REPRISE_HOST=0.0.0.0
ENV REPRISE_METRICS_PORT=9464
EXPOSE 4000
# No init is needed: the first process passes signals on to the ones it starts and waits for their end.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/scripts/health.mjs"]
ENTRYPOINT ["node", "/app/scripts/reprise.mjs"]
CMD ["--help"]
