import { expect } from "vitest";
import type { ProxyScene } from "./proxy-scene.ts";

/** Parameters of a route below `/NAME` to an upstream of the scene. */
export const upstreamRoute = (name: string, port: number, more: Readonly<Record<string, string>> = {}) => ({
  serviceName: name,
  servicePath: `/${name}`,
  port: `${port}`,
  outboundHostname: "127.0.0.1",
  ...more,
});

/** Resolves when the route is live. */
export async function addRoute(
  scene: ProxyScene,
  name: string,
  port: number,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  expect(await scene.reconfigure(upstreamRoute(name, port, more))).toMatchObject({ status: 200 });
}

/** The value of a metric without labels, or with those given. */
export async function metric(scene: ProxyScene, name: string): Promise<number | undefined> {
  const { status, text } = await scene.get("http://127.0.0.1:8080/metrics");
  if (status !== 200) throw new Error(`metrics: ${status} ${text}`);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

/** Throws when it does not come to hold within 15 s. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) if (Date.now() > deadline) throw new Error(`it does not come to hold within 15 s: ${holds}`);
}

/** What the proxy answers to these bytes, until it closes the connection. */
export async function sendBytes(scene: ProxyScene, text: string): Promise<string> {
  const script = 'exec 3<>/dev/tcp/127.0.0.1/80; printf "%b" "$1" >&3; timeout 10 cat <&3';
  return (await scene.run("bash", "-c", script, "bash", text)).stdout;
}
