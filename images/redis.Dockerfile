# The demonstration's database, for those who have a registry; the official redis image does as well.
#   docker build -f images/redis.Dockerfile -t skep/redis .
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["redis-server"]
CMD ["--protected-mode", "no", "--dir", "/data"]
WORKDIR /data
VOLUME /data
EXPOSE 6379
HEALTHCHECK --interval=2s --timeout=3s --retries=3 CMD ["redis-cli", "ping"]
