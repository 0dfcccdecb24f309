import { expect, test } from "vitest";
import { certificateCommands } from "./certificate-commands.ts";
import { inBatches } from "./command-socket.ts";
import { withGeneration, withNames } from "./config-files.ts";
import { commandsOf, dynamicOptions, type RuntimeStep } from "./runtime-step.ts";
import { keptServerState } from "./server-state.ts";

const server = { backend: "go-demo-be8080", name: "go-demo.10.0.1.5", address: "10.0.1.5:8080", options: "no-backup" };
const texts = (step: Parameters<typeof commandsOf>[0]) => commandsOf(step).map(({ text }) => text);

test("a new server keeps idle connections, as those in the config do, and is let in", () => {
  expect(texts({ do: "add-server", server })).toEqual([
    "add server go-demo-be8080/go-demo.10.0.1.5 10.0.1.5:8080 pool-max-conn -1 pool-purge-delay 5s",
    "enable server go-demo-be8080/go-demo.10.0.1.5",
  ]);
});

test("a server that is checked begins its checks", () => {
  expect(texts({ do: "add-server", server: { ...server, options: "check inter 2s" } })).toEqual([
    "add server go-demo-be8080/go-demo.10.0.1.5 10.0.1.5:8080 check inter 2s pool-max-conn -1 pool-purge-delay 5s",
    "enable health go-demo-be8080/go-demo.10.0.1.5",
    "enable server go-demo-be8080/go-demo.10.0.1.5",
  ]);
});

test("the operator's own pool is left alone", () => {
  expect(dynamicOptions("pool-max-conn 7")).toBe("pool-max-conn 7 pool-purge-delay 5s");
});

test("a server is moved, retired and let in again", () => {
  const steps = ["move-server", "retire-server", "readmit-server"] as const;
  expect(
    steps.flatMap((step) =>
      texts({ do: step, server } as Exclude<RuntimeStep, { do: "replace-map" | "change-certificate" }>),
    ),
  ).toEqual([
    "set server go-demo-be8080/go-demo.10.0.1.5 addr 10.0.1.5 port 8080",
    "set server go-demo-be8080/go-demo.10.0.1.5 state maint",
    "set server go-demo-be8080/go-demo.10.0.1.5 state ready",
  ]);
});

test("a certificate is added with its line, and its empty lines do not end it early", () => {
  const step = {
    do: "add",
    path: "/certs/b.pem",
    pem: "CERT\r\n\r\nKEY\n",
    options: "[alpn h2] b.example.com",
  } as const;
  expect(certificateCommands("/run/list.txt", step).map(({ text }) => text)).toEqual([
    "new ssl cert /certs/b.pem",
    "set ssl cert /certs/b.pem <<\nCERT\nKEY\n\n",
    "commit ssl cert /certs/b.pem",
    "add ssl crt-list /run/list.txt <<\n/certs/b.pem [alpn h2] b.example.com\n\n",
  ]);
});

test("commands are batched below HAProxy's buffer, in their order", () => {
  expect(inBatches(["aa", "bb", "cc", "dddddddd", "e"], ";", 6)).toEqual(["aa;bb", "cc", "dddddddd", "e"]);
  expect(inBatches([], ";")).toEqual([]);
});

test("a config gets its generation, and one without a place for it is a mistake", () => {
  expect(withGeneration("global\n    setenv DF_GENERATION 0\n", 17)).toBe("global\n    setenv DF_GENERATION 17\n");
  expect(() => withGeneration("global\n", 17)).toThrow("setenv DF_GENERATION");
});

test("files are renamed in a config where they stand alone", () => {
  const config = "map_beg(/run/a.map,.list) /run/a.map.old crt-list /run/a.map";
  expect(withNames(config, new Map([["/run/a.map", "/run/new"]]))).toBe(
    "map_beg(/run/new,.list) /run/a.map.old crt-list /run/new",
  );
});

test("servers in maintenance are left out of the state for the next worker", () => {
  const dump = "1\n# be_name srv_name srv_admin_state srv_fqdn\nbe a 0 -\nbe b 1 -\nbe c 0 -\n\n";
  expect(keptServerState(dump)).toBe("1\n# be_name srv_name srv_admin_state srv_fqdn\nbe a 0 -\nbe c 0 -\n");
});
