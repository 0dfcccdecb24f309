import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultParseContext, parseService } from "../service/index.ts";
import { readSettings } from "../settings/index.ts";
import { ConfigRenderer } from "./config-renderer.ts";
import { renderPaths } from "./render-paths.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-renderer-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (name: string, text: string) => {
  mkdirSync(join(folder, "tmpl"), { recursive: true });
  writeFileSync(join(folder, "tmpl", name), text);
  return join(folder, "tmpl", name);
};
const service = (more: Record<string, string> = {}) =>
  parseService(
    new URLSearchParams({ serviceName: "go-demo", servicePath: "/demo", port: "8080", ...more }),
    defaultParseContext,
  );
function start(env: Record<string, string> = {}) {
  const settings = readSettings({ CONFIGS_PATH: folder, RUN_PATH: folder, ...env }, () => undefined);
  const renderer = new ConfigRenderer(settings, renderPaths(settings));
  const around = { certificates: [], tasks: () => undefined, isIdle: () => false };
  const render = (services = [service()]) => renderer.render(services, around).config;
  return { renderer, render };
}

test("without a folder for templates there is a config", () => {
  expect(start().render()).toContain("    use_backend go-demo-be8080 if url_go-demo8080\n");
});

test("files of the operator are in the config as they are now, by their names", () => {
  const { render } = start();
  put("b-fe.cfg", "acl b path /b\n");
  put("a-fe.cfg", "acl a path /a\n");
  put("mine-be.cfg", "backend mine\n    server one one:1\n");
  put("other.cfg", "no part of it");
  expect(render()).toMatch(/acl a path \/a\n +acl b path \/b\n(.*\n)*backend mine\n/);
  expect(render()).not.toContain("no part of it");
  rmSync(join(folder, "tmpl", "b-fe.cfg"));
  expect(render()).not.toContain("acl b path");
});

test("a base template in the folder is passed over, as the reference says", () => {
  const before = start().render();
  put("haproxy.tmpl", "global\n    maxconn 1\n{{.ExtraFrontend}}");
  expect(start().render()).toBe(before);
  expect(start({ CFG_TEMPLATE_PATH: "haproxy.tmpl" }).render()).toBe(before);
});

test("a template that is missing, or broken, refuses its service with the file's name", () => {
  const { renderer } = start();
  const missing = join(folder, "tmpl", "none.tmpl");
  expect(renderer.refuses(service({ templateFePath: missing }))).toContain(`${missing} cannot be read: ENOENT`);
  expect(renderer.refuses(service({ templateBePath: missing }))).toContain(`${missing} cannot be read: ENOENT`);
  const broken = put("broken.tmpl", "{{.Nope}}");
  expect(renderer.refuses(service({ templateFePath: broken }))).toBe(`template ${broken}:1: there is no field Nope`);
});

test("templates are filled in with the service, and stand in for its own part only", () => {
  const { renderer, render } = start();
  const templateBePath = put(
    "be.tmpl",
    "backend {{.AclName}}-be{{(index .ServiceDest 0).Port}}\n    option httpclose\n",
  );
  const templated = service({ templateBePath });
  expect(renderer.refuses(templated)).toBeUndefined();
  const config = render([templated]);
  expect(config).toContain("backend go-demo-be8080\n    option httpclose\n");
  expect(config).toContain("    use_backend go-demo-be8080 if url_go-demo8080\n");
  expect(config.match(/^backend go-demo/gm)).toHaveLength(1);
});

test("before the routes are known no port is open", () => {
  expect(start({ BIND_PORTS: "8000" }).renderer.closed().config).not.toMatch(/bind \*:/);
  expect(start({ BIND_PORTS: "8000" }).render()).toContain("bind *:8000");
});
