# Tools to look at a network from inside, for those who have a registry.
#   docker build -f images/util.Dockerfile -t skep/util .
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static ldnsutils curl ca-certificates && \
  rm -rf /var/lib/apt/lists/* && busybox --install -s /usr/local/bin
CMD ["sh", "-c", "trap exit TERM; sleep 1000000000 & wait"]
