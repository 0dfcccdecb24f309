import { Cluster } from "@skep/testkit";
import { describe, expect, test } from "vitest";

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("a cluster for tests (needs root)", { timeout: 60_000 }, () => {
  test("runs containers of the test image on every node, loses packets where it is cut, and leaves nothing", async () => {
    let cluster: Cluster | undefined;
    {
      await using running = await Cluster.create({ nodes: 2, skepd: false });
      cluster = running;
      await cluster.importTestImage("alpine:latest");
      for (const node of cluster.names) {
        expect(await cluster.engine(node, "run", "--rm", "alpine", "echo", "hello")).toEqual({
          stdout: "hello\n",
          stderr: "",
          code: 0,
        });
      }
      const ids = await Promise.all(cluster.names.map((node) => running.engine(node, "images", "-q", "alpine:latest")));
      expect(ids[0]).toEqual(ids[1]);

      const { address } = cluster.machine("node-2");
      const ping = () => running.exec("node-1", "busybox", "ping", "-c", "1", "-W", "1", address);
      expect(await ping()).toMatchObject({ code: 0 });
      await cluster.cutLink("node-2");
      expect(await ping()).toMatchObject({ code: 1 });
      await cluster.restoreLink("node-2");
      expect(await ping()).toMatchObject({ code: 0 });

      await cluster.engine("node-1", "run", "-d", "--name", "longer", "alpine", "sleep", "600");
      expect(await cluster.leftovers()).not.toEqual([]);
    }
    expect(await cluster.leftovers()).toEqual([]);
  });
});
