import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { templateReader } from "./read-template.ts";
import { TemplateError } from "./template-error.ts";
import { renderTemplates } from "./templates.ts";

const files: Readonly<Record<string, string>> = {
  "/cfg/tmpl/fe.tmpl": "    use_backend {{.ServiceName}} if { path_beg /demo }\r\n",
  "/cfg/tmpl/be.tmpl": "\uFEFFbackend {{.ServiceName}}\n",
  "/cfg/tmpl/acl.tmpl": "acl url_{{.AclName}}",
  "/cfg/tmpl/bad.tmpl": "\n{{.Nope}}",
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  return text;
}

const render = (paths: object) => renderTemplates({ ServiceName: "go-demo", ...paths }, readFile);

test("renders the templates that the service names, and only these", () => {
  expect(render({ TemplateFePath: "/cfg/tmpl/fe.tmpl", TemplateBePath: "/cfg/tmpl/be.tmpl" })).toEqual({
    frontend: "    use_backend go-demo if { path_beg /demo }\n",
    backend: "backend go-demo\n",
  });
  expect(render({ TemplateFePath: "", TemplateBePath: "/cfg/tmpl/be.tmpl" })).toEqual({ backend: "backend go-demo\n" });
  expect(render({})).toEqual({});
});

test("without a name for ACLs the service's name is theirs", () => {
  expect(render({ TemplateFePath: "/cfg/tmpl/acl.tmpl", AclName: "" }).frontend).toBe("acl url_go-demo");
  expect(render({ TemplateFePath: "/cfg/tmpl/acl.tmpl", AclName: "05-demo" }).frontend).toBe("acl url_05-demo");
});

test("a file that is missing, and one that is broken, are named", () => {
  expect(() => render({ TemplateFePath: "/cfg/tmpl/none.tmpl" })).toThrow(
    new TemplateError(
      "/cfg/tmpl/none.tmpl cannot be read: ENOENT: no such file or directory, open '/cfg/tmpl/none.tmpl'",
      "internal",
    ),
  );
  expect(() => render({ TemplateBePath: "/cfg/tmpl/bad.tmpl" })).toThrow(
    new TemplateError("/cfg/tmpl/bad.tmpl:2: there is no field Nope"),
  );
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "templates-"));
  mkdirSync(join(folder, "tmpl", "sub.tmpl"), { recursive: true });
  writeFileSync(join(folder, "tmpl", "fe.cfg"), "in the folder");
  writeFileSync(join(folder, "tmpl", "long.tmpl"), "x".repeat(300_000));
  writeFileSync(join(folder, "elsewhere.tmpl"), "named as a template");
  writeFileSync(join(folder, "shadow"), "secret");
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) => templateReader([join(folder, "tmpl")])(path);

test("templates are read from their folder, or where their name tells that they are", () => {
  expect(read(join(folder, "tmpl", "fe.cfg"))).toBe("in the folder");
  expect(read("fe.cfg")).toBe("in the folder");
  expect(read(join(folder, "elsewhere.tmpl"))).toBe("named as a template");
});

test.each(["/etc/shadow", "../shadow", "tmpl/../../shadow", "fe.cfg\0.tmpl", "/proc/self/environ", "/cfg/tmplx"])(
  "%j is no template, whatever its content",
  (path) => {
    const reason = `${JSON.stringify(path)} is refused: templates are in ${join(folder, "tmpl")}, or end in .tmpl`;
    expect(() => read(path)).toThrow(new TemplateError(reason));
  },
);

test("what is no file, or too long, is refused", () => {
  expect(() => read("sub.tmpl")).toThrow(new TemplateError("sub.tmpl is not a file"));
  expect(() => read("long.tmpl")).toThrow(new TemplateError("long.tmpl is longer than 256 kB"));
});
