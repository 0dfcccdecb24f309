# The reverse proxy, for those who have a registry; images/proxy.sh makes the same of this machine's programs.
#   docker build -f images/proxy.Dockerfile -t skep/proxy .
FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends haproxy busybox-static libjemalloc2 && rm -rf /var/lib/apt/lists/* && \
  busybox --install -s /usr/local/bin && mkdir -p /cfg/tmpl /certs /errorfiles /run/secrets
WORKDIR /opt/skep
COPY package.json package-lock.json ./
COPY packages packages
COPY bin/skep-proxy bin/skep-proxy
RUN npm install --workspace @skep/proxy --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && \
  npm cache clean --force && ln -sf "$(command -v node)" node_modules/.bin/node && \
  ln -s /opt/skep/bin/skep-proxy /usr/local/bin/skep-proxy && ln -s skep-proxy /usr/local/bin/docker-flow-proxy && \
  cp packages/proxy/errorfiles/*.http /errorfiles/ && skep-proxy --version
ENTRYPOINT ["/usr/local/bin/skep-proxy"]
CMD ["server"]
EXPOSE 80 443 8080
HEALTHCHECK --interval=2s --timeout=10s CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/v1/docker-flow-proxy/ping"]
