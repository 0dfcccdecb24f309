# The demonstration service, for those who have a registry; images/go-demo.sh makes the same of this machine's programs.
#   docker build -f images/go-demo.Dockerfile -t skep/go-demo .
FROM node:24-bookworm-slim
WORKDIR /opt/skep
COPY package.json package-lock.json ./
COPY packages/go-demo packages/go-demo
RUN npm install --workspace @skep/go-demo --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force
ENV NODE_COMPILE_CACHE=/opt/skep/node_modules/.cache/node DB=go-demo-db
RUN node --disable-warning=ExperimentalWarning --max-semi-space-size=1 packages/go-demo/src/main.ts --version
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=1", "/opt/skep/packages/go-demo/src/main.ts"]
EXPOSE 8080
HEALTHCHECK --interval=2s --timeout=3s --retries=3 CMD ["node", "-e", "fetch('http://127.0.0.1:8080/demo/metrics').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
