/** Prometheus metrics, under the original's names. */
export class ListenerMetrics {
  readonly #errors = new Map<string, number>();
  services = 0;

  failed(operation: string): void {
    this.#errors.set(operation, (this.#errors.get(operation) ?? 0) + 1);
  }

  /** Text format 0.0.4. */
  render(): string {
    const errors = [...this.#errors].sort();
    return [
      "# HELP docker_flow_error Error counter",
      "# TYPE docker_flow_error counter",
      ...errors.map(
        ([operation, count]) => `docker_flow_error{operation="${operation}",service="swarm_listener"} ${count}`,
      ),
      "# HELP docker_flow_service_count Service gauge",
      "# TYPE docker_flow_service_count gauge",
      `docker_flow_service_count{service="swarm_listener"} ${this.services}`,
      "",
    ].join("\n");
  }
}
