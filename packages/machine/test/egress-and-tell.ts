// egress-and-tell.ts: opens and closes the way out of two roots, and tells what iptables, nftables and the kernel hold
// after each step. To be run in a network namespace of its own.
import { readFileSync } from "node:fs";
import { closeEgress, openEgress } from "../src/drivers/netns/egress.ts";
import { systemHost } from "../src/host.ts";

const host = systemHost(process.env);

async function tell(step: string): Promise<void> {
  const rules = (await host.run(["iptables", "-S"])).split("\n").filter((line) => / skep\d /.test(line));
  const tables = (await host.run(["nft", "list", "tables", "ip"]))
    .split("\n")
    .filter((line) => line.includes("machine"));
  const forwarding = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim();
  process.stdout.write(`${JSON.stringify({ step, rules, tables, forwarding })}\n`);
}

await openEgress(host, "skep1", "10.77.1.0/24");
await openEgress(host, "skep1", "10.77.1.0/24");
await tell("first opened twice");
await openEgress(host, "skep2", "10.77.2.0/24");
await closeEgress(host, "skep1");
await tell("second opened, first closed");
await closeEgress(host, "skep2");
await tell("both closed");
