import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RenderPaths } from "../render/index.ts";
import type { Settings } from "../settings/index.ts";

/** The files that the config names. */
export function renderPaths({ paths, tls }: Settings): RenderPaths {
  const errorPages = [paths.errorFiles, join(import.meta.dirname, "../../errorfiles")];
  return {
    pidFile: join(paths.run, "haproxy.pid"),
    adminSocket: join(paths.run, "haproxy.sock"),
    stateFile: join(paths.run, "haproxy.state"),
    maps: paths.run,
    crtList: tls.crtListPath || join(paths.configs, "crt-list.txt"),
    errorFiles: errorPages.find((folder) => existsSync(join(folder, "503.http"))),
  };
}
