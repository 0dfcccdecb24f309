import { expect, test } from "vitest";
import { FakeClock, settle } from "./fake-clock.ts";
import { FakeEngine } from "./fake-engine.ts";

const config = { Image: "alpine:latest", Labels: { "com.docker.swarm.task": "", "com.docker.swarm.task.id": "t1" } };

async function engineWithOne() {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock });
  const { Id } = await engine.createContainer("web.1.t1", config);
  await engine.startContainer(Id);
  return { clock, engine, Id };
}

test("prints its containers and what it was asked", async () => {
  const { engine, Id } = await engineWithOne();
  expect(String(engine)).toBe("web.1.t1 running alpine:latest");
  engine.exit(Id, 3);
  expect(engine.lines()).toEqual(["web.1.t1 exited 3 alpine:latest"]);
  await engine.startContainer(Id);
  expect(engine.lines()).toEqual(["web.1.t1 running alpine:latest started 2 times"]);
  expect(engine.calls).toEqual(["create web.1.t1 alpine:latest", "start web.1.t1", "start web.1.t1"]);
});

test("a container that ignores its stop signal is killed after the grace period", async () => {
  const { clock, engine, Id } = await engineWithOne();
  engine.onStopSignal = () => undefined;
  const stopped = engine.stopContainer(Id, 10);
  await clock.advanceAsync(9_999);
  expect(engine.container(Id).status).toBe("running");
  await clock.advanceAsync(1);
  await stopped;
  expect(engine.lines()).toEqual(["web.1.t1 exited 137 alpine:latest"]);
  expect(clock.pending).toBe(0);
});

test("refuses a second container of the same name and an image it has not", async () => {
  const { engine } = await engineWithOne();
  await expect(engine.createContainer("web.1.t1", config)).rejects.toMatchObject({ status: 409 });
  await expect(engine.createContainer("x", { Image: "nope:1" })).rejects.toThrow("No such image: nope:1");
});

test("event streams show matching events and break when the engine goes away", async () => {
  const { engine, Id } = await engineWithOne();
  const seen: string[] = [];
  const following = (async () => {
    const filters = { type: ["container"], label: ["com.docker.swarm.task.id=t1"], event: ["die", "health_status"] };
    for await (const event of engine.events(filters, new AbortController().signal)) seen.push(event.Action);
  })();
  await settle();
  engine.setHealth(Id, "healthy");
  engine.exit(Id, 0);
  await settle();
  engine.setAvailable(false);
  await expect(following).rejects.toThrow("event stream ended");
  expect(seen).toEqual(["health_status: healthy", "die"]);
  await expect(engine.info()).rejects.toMatchObject({ name: "EngineUnavailable" });
});

test("logs are framed, cut by tail, and followed until the container ends", async () => {
  const { engine, Id } = await engineWithOne();
  engine.print(Id, "one\n");
  engine.print(Id, "two\n", "stderr");
  const query = { stdout: "1", stderr: "1", follow: "1", tail: "1" };
  const stream = await engine.containerLogs(Id, query, new AbortController().signal);
  engine.print(Id, "three\n");
  engine.exit(Id, 0);
  const bytes = Buffer.concat(await stream.toArray());
  expect(bytes.toString("latin1")).toBe("\x02\0\0\0\0\0\0\x04two\n\x01\0\0\0\0\0\0\x06three\n");
});
