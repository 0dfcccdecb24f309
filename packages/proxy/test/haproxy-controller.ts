import { silentLogger, systemClock } from "@skep/model";
import type { Rendered } from "../src/render/rendered.ts";
import { Driver } from "../src/runtime/driver.ts";

// A controller that a test can kill: starts a driver with what it is sent, says so, and does nothing more.
process.once("message", async (message) => {
  const { options, rendered } = message as {
    options: object;
    rendered: Omit<Rendered, "files"> & { files: [string, string][] };
  };
  const bootstrap = { ...rendered, files: new Map(rendered.files) };
  try {
    const own = { clock: systemClock, logger: silentLogger };
    const driver = await Driver.start({ ...(options as Parameters<typeof Driver.start>[0]), ...own }, bootstrap);
    process.send?.({ generation: driver.generation });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
setInterval(() => {}, 1000);
