import { expect, test } from "vitest";
import { portIn } from "./engine-resolver.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const socket = (local: string, state: string) =>
  `    0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 41 1 0000000000000000 100 0 0 10 0`;

test("finds where the engine's resolver listens among a container's sockets", () => {
  const udp = [head, socket("00000000:0035", "07"), socket("0B00007F:A2C5", "07"), ""].join("\n");
  expect(portIn(udp, undefined)).toBe(0xa2c5);
  const tcp = [head, socket("0B00007F:9C41", "01"), socket("0B00007F:8E2F", "0A"), ""].join("\n");
  expect(portIn(tcp, "0A")).toBe(0x8e2f);
  expect(portIn(`${head}\n`, "0A")).toBeUndefined();
});
