import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { until, upstreamRoute } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// What a whole skep-proxy makes of what a swarm listener names, where no engine can be asked.

const isRoot = process.getuid?.() === 0;
const script = fileURLToPath(new URL("./swarm-listener.ts", import.meta.url));
const env = { LISTENER_ADDRESS: "127.0.0.9", RELOAD_INTERVAL: "100", IP: "127.0.0.1" }; // both on port 8080

/** A swarm listener that answers when the test does, and a proxy that asks it. */
class Listener implements AsyncDisposable {
  readonly scene: ProxyScene;
  readonly #child: ChildProcess;
  readonly #lines: NodeJS.AsyncIterator<string>;

  static async start(more: Readonly<Record<string, string>> = {}): Promise<Listener> {
    const listening = Promise.withResolvers<Listener>();
    await ProxyScene.start({ ...env, ...more }, async (prepared) => {
      const listener = new Listener(prepared);
      await listener.#lines.next();
      listening.resolve(listener);
    });
    return listening.promise;
  }

  private constructor(scene: ProxyScene) {
    this.scene = scene;
    this.#child = scene.spawn([process.execPath, "--disable-warning=ExperimentalWarning", script]);
    if (!this.#child.stdout) throw new Error("no output");
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Waits for the next question: what was answered before has been taken in by then. */
  async question(): Promise<string> {
    return (await this.#lines.next()).value ?? "";
  }

  answer(status: number, body: unknown): void {
    this.#child.stdin?.write(`${status} ${JSON.stringify(body)}\n`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.scene[Symbol.asyncDispose]();
  }
}

describe.skipIf(!isRoot)(`a swarm listener${isRoot ? "" : ": skipped, it needs root"}`, () => {
  const services = [upstreamRoute("one", 9001), upstreamRoute("two", 9002), upstreamRoute("three", 9003)];
  const portsAt = (scene: ProxyScene) =>
    Promise.all(services.map(async ({ servicePath }) => (await scene.get(servicePath)).port));
  const filled = async (scene: ProxyScene) => (await scene.call("successfulinitreload")).status;

  test("is asked until it answers, then all it names is live, and the proxy says that it is filled", async () => {
    await using listener = await Listener.start();
    const { scene } = listener;
    for (const bad of [500, 200]) {
      expect(await listener.question()).toBe("/v1/docker-flow-swarm-listener/get-services");
      expect([await filled(scene), (await scene.call("ping")).status]).toEqual([500, 200]);
      listener.answer(bad, "not a list");
    }
    await listener.question();
    expect([await filled(scene), await portsAt(scene)]).toEqual([500, [undefined, undefined, undefined]]);
    listener.answer(200, [...services, { serviceName: "bad", servicePath: "/bad" }]);
    await until(async () => (await filled(scene)) === 200);
    await until(async () => `${await portsAt(scene)}` === "9001,9002,9003");
    const { Services } = (await scene.call("services")).json;
    expect(Services).toContainEqual(expect.objectContaining({ ServiceName: "one", State: "live", Origin: "listener" }));
    expect(Services).toContainEqual(
      expect.objectContaining({ ServiceName: "bad", State: "rejected", Origin: "listener" }),
    );
    const again = await Promise.race([listener.question(), sleep(500, "no question")]);
    expect(again).toBe("no question"); // after ten intervals: it has answered
  });

  test("with REPEAT_RELOAD a service goes that three answers do not name, and comes back with the next", async () => {
    await using listener = await Listener.start({ REPEAT_RELOAD: "true" });
    const { scene } = listener;
    await listener.question();
    listener.answer(200, services);
    await until(async () => `${await portsAt(scene)}` === "9001,9002,9003");
    const others = services.filter(({ serviceName }) => serviceName !== "two");
    for (let missed = 0; missed < 3; missed++) {
      await listener.question();
      expect(await portsAt(scene)).toEqual([9001, 9002, 9003]);
      listener.answer(200, others);
    }
    await until(async () => `${await portsAt(scene)}` === "9001,,9003");
    expect((await scene.call("services")).text).not.toContain('"two"');
    await listener.question();
    listener.answer(200, services);
    await until(async () => `${await portsAt(scene)}` === "9001,9002,9003");
    await listener.question();
    listener.answer(500, []); // says nothing about services
    await listener.question();
    expect(await portsAt(scene)).toEqual([9001, 9002, 9003]);
  });
});
