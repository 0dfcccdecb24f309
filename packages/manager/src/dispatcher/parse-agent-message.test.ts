import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAgentMessage } from "./parse-agent-message.ts";

const description = {
  Hostname: "node-1",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9 },
  Engine: { EngineVersion: "20.10.24" },
};
const status = { state: "running", timestamp: "2026-01-01T00:00:00.123456789Z", message: "started" };
const statusWith = (rest: object) => ({ type: "status", updates: [{ taskId: "t1", status: { ...status, ...rest } }] });

test.each([
  { type: "hello", description, appliedRevision: 0 },
  { type: "heartbeat" },
  { type: "description", description },
  statusWith({ container: { id: "c1", pid: 7 }, ports: [], runningAt: "2026-01-01T00:00:00+01:00" }),
  { type: "applied", revision: 12 },
  { type: "network-applied", revision: 12, problems: [{ subject: "network web", message: "no such device" }] },
  { type: "ports", id: "p1", taken: [{ protocol: "tcp", published: 80, process: "nginx (pid 7)" }] },
])("a good message comes through unchanged: $type", (message) => {
  expect(parseAgentMessage(message)).toEqual(message);
});

test.each([
  [undefined, "message is no object"],
  [[], "message is no object"],
  [{}, "type is no text"],
  [{ type: "hello" }, "description is no object"],
  [{ type: "hello", description: { ...description, Hostname: 1 }, appliedRevision: 0 }, "description.Hostname"],
  [{ type: "hello", description, appliedRevision: -1 }, "appliedRevision is no revision"],
  [{ type: "applied", revision: "7" }, "revision is no revision"],
  [{ type: "status", updates: {} }, "updates is no list"],
  [{ type: "network-applied", revision: 1 }, "problems is no list"],
  [{ type: "network-applied", revision: 1, problems: [{ subject: "x" }] }, "message is no text"],
  [{ type: "ports", id: "p1", taken: [{ protocol: "icmp", published: 80 }] }, "protocol is no protocol"],
  [{ type: "ports", id: "p1", taken: [{ protocol: "tcp", published: 65_536 }] }, "published is no port"],
  [statusWith({ state: "happy" }), 'status.state: "happy" is no task state'],
  [statusWith({ timestamp: "" }), "status.timestamp is no RFC 3339 time"],
  [statusWith({ container: {} }), "status.container.id is no text"],
])("%j is refused: %s", (message, reason) => {
  expect(() => parseAgentMessage(message)).toThrow(reason);
});

test("a message of a newer version is passed over", () => {
  expect(parseAgentMessage({ type: "from-the-future" })).toBeUndefined();
});

test("nothing but an error comes of nonsense", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        parseAgentMessage(value);
      } catch (error) {
        expect((error as Error).message).toMatch(/ is no /);
      }
    }),
  );
});
