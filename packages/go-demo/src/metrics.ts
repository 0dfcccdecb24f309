import { collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** How long requests take, as the original go-demo counts them, and what the process uses. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #times: Histogram<"service" | "code" | "method" | "path">;
  readonly #service: string;

  constructor(service: string) {
    this.#service = service;
    collectDefaultMetrics({ register: this.#registry });
    this.#times = new Histogram({
      name: "http_server_resp_time",
      help: "Time from a request to its answer, in seconds",
      labelNames: ["service", "code", "method", "path"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers: [this.#registry],
    });
  }

  observe(method: string, path: string, code: number, seconds: number): void {
    this.#times.observe({ service: this.#service, code, method, path }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
