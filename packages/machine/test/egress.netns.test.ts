import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("./egress-and-tell.ts", import.meta.url));

/** The script's steps on a machine that begins with these iptables commands: in namespaces of its own, `/run` included. */
function steps(...rules: string[]) {
  const before = ["mount -t tmpfs tmpfs /run", "echo 0 >/proc/sys/net/ipv4/ip_forward", ...rules].join(" && ");
  const output = execFileSync(
    "unshare",
    ["--net", "--mount", "sh", "-c", `${before} && exec "$0" "$@"`, process.execPath, script],
    { encoding: "utf8" },
  );
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe.skipIf(process.getuid?.() !== 0)("the way out of the nodes (needs root)", () => {
  test("where iptables forwards, it is left alone; forwarding goes back to what it was with the last root", () => {
    expect(steps("iptables -P FORWARD ACCEPT")).toEqual([
      { step: "first opened twice", rules: [], tables: ["table ip skep1_machine"], forwarding: "1" },
      { step: "second opened, first closed", rules: [], tables: ["table ip skep2_machine"], forwarding: "1" },
      { step: "both closed", rules: [], tables: [], forwarding: "0" },
    ]);
  });

  test.each([
    ["FORWARD", ["iptables -P FORWARD DROP"]],
    ["DOCKER-USER", ["iptables -P FORWARD DROP", "iptables -N DOCKER-USER", "iptables -A FORWARD -j DOCKER-USER"]],
  ])("where iptables drops, each bridge gets its two rules in %s once, and takes them away", (chain, rules) => {
    const accepted = (bridge: string) => [`-A ${chain} -o ${bridge} -j ACCEPT`, `-A ${chain} -i ${bridge} -j ACCEPT`];
    expect(steps(...rules).map((step) => step.rules)).toEqual([accepted("skep1"), accepted("skep2"), []]);
  });

  test("forwarding that Docker has come to need stays on", () => {
    const [, , last] = steps("ip link add docker0 type bridge");
    expect(last.forwarding).toBe("1");
  });
});
