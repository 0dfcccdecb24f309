import { type Cluster, runCommand } from "@skep/testkit";
import type { From } from "./clients.ts";

/** A host on the LAN of a cluster's nodes that belongs to nobody, in a network namespace of its own. */
export class Stranger implements AsyncDisposable {
  readonly address: string;
  readonly from: From;
  readonly #namespace: string;

  private constructor(namespace: string, address: string) {
    this.#namespace = namespace;
    this.address = address;
    this.from = { namespace };
  }

  static async join(cluster: Cluster, number = 250): Promise<Stranger> {
    const [machine] = cluster.machines;
    if (!machine) throw new Error("a cluster without nodes");
    const address = machine.subnet.replace(/\.\d+\/\d+$/, `.${number}`);
    const namespace = `skep-lan-${process.pid}`;
    const link = `lan${process.pid}`;
    const stranger = new Stranger(namespace, address);
    await run("ip", "netns", "add", namespace);
    try {
      await run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace);
      await run("ip", "link", "set", link, "master", machine.prefix, "up");
      await stranger.ip("link", "set", "lo", "up");
      await stranger.ip("addr", "add", machine.subnet.replace(/^.*\//, `${address}/`), "dev", "eth0");
      await stranger.ip("link", "set", "eth0", "up");
    } catch (error) {
      await stranger[Symbol.asyncDispose]();
      throw error;
    }
    return stranger;
  }

  /** An `ip` command in its namespace. */
  async ip(...args: readonly string[]): Promise<void> {
    await run("ip", "-n", this.#namespace, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("ip", "netns", "del", this.#namespace);
  }
}

/** Nothing for private addresses leaves this machine, where somebody else may answer; the rule goes with the cluster. */
export async function keepInside(cluster: Cluster): Promise<void> {
  const prefix = cluster.machines[0]?.prefix ?? "";
  const chain = ["ip", `${prefix}_machine`, "inside"];
  await run("nft", "add", "chain", ...chain, "{ type filter hook forward priority -10; }");
  await run(
    "nft",
    "add",
    "rule",
    ...chain,
    "iifname",
    prefix,
    "oifname",
    "!=",
    prefix,
    "ip",
    "daddr",
    "10.0.0.0/8",
    "drop",
  );
}

async function run(...command: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}
