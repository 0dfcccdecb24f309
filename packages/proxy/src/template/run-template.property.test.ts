import fc from "fast-check";
import { expect, test } from "vitest";
import { runTemplate } from "./run-template.ts";
import { TemplateError } from "./template-error.ts";

const service = {
  ServiceName: "go-demo",
  AddReqHeader: ["X-A 1", "X-B 2"],
  ServiceDest: [
    { Port: "8080", ServicePath: ["/demo", "/x"] },
    { Port: "8081", ServicePath: [] },
  ],
};

const run = (text: string) => runTemplate({ name: "fe.tmpl", text }, service);

const piece = fc.constantFrom(
  ..."{{ }} ({{- ) ( -}}) .ServiceName .ServiceDest .Port .X if else end range with break continue $ $x := = , | ( ) 1 0 . é".split(
    " ",
  ),
  ..."\" ` ' /* */ eq len index print printf and or not slice nil true -1 0x1 [ { } \\ %".split(" "),
  " ",
  "\n",
  "{{- ",
  " -}}",
  "{{range .ServiceDest}}",
  "{{if ",
  "{{end}}",
  "{{else}}",
  '"%d%s"',
);

test("anything is either rendered or refused with a TemplateError, and soon", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const began = performance.now();
      try {
        expect(typeof run(pieces.join(""))).toBe("string");
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError);
      }
      expect(performance.now() - began).toBeLessThan(1000);
    }),
    { numRuns: 5000 },
  );
});

const value = fc.constantFrom(
  ".",
  "$",
  "$.ServiceDest",
  "$.AddReqHeader",
  ".Port",
  "$x",
  "1",
  '"a"',
  "true",
  "$.ServiceName",
  "99999",
);
const call = fc
  .tuple(fc.constantFrom("eq", "len", "index", "print", "printf", "and", "or", "slice", "lt", "not"), value, value)
  .map((parts) => parts.join(" "));
const pipeline = fc.oneof(
  value,
  call,
  fc.tuple(call, value).map(([a, b]) => `print (${a}) ${b} | print`),
);
const { template } = fc.letrec<{ template: string }>((tie) => ({
  template: fc.oneof(
    { maxDepth: 6, depthSize: "medium" },
    fc.constantFrom("text", " ", "\n"),
    pipeline.map((each) => `{{${each}}}`),
    pipeline.map((each) => `{{$x := ${each}}}`),
    pipeline.map((each) => `{{$x = ${each}}}`),
    fc.tuple(tie("template"), tie("template")).map((parts) => parts.join("")),
    fc
      .tuple(fc.constantFrom("if", "range", "with"), pipeline, tie("template"), tie("template"))
      .map(([word, condition, body, otherwise]) => `{{${word} ${condition}}}${body}{{else}}${otherwise}{{end}}`),
  ),
}));

test("a template that is well formed is rendered or refused with a TemplateError, and soon", () => {
  fc.assert(
    fc.property(template, (text) => {
      const began = performance.now();
      try {
        expect(typeof run(`{{$x := 0}}${text}`)).toBe("string");
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError);
      }
      expect(performance.now() - began).toBeLessThan(2000);
    }),
    { numRuns: 3000 },
  );
});

test.each([
  "{{",
  "{{- ",
  "(",
  " ",
  '{{"',
  "{{/*",
  "{{1}}",
  "{{if 1}}",
  "{{1|",
  "\n",
  "{{range $.ServiceDest}}",
  "{{(",
  "$.A",
])("a long text of %j is read soon", (part) => {
  const began = performance.now();
  try {
    run(`{{1${part.repeat(Math.floor(250_000 / part.length))}`);
    run(part.repeat(Math.floor(250_000 / part.length)));
  } catch (error) {
    expect(error).toBeInstanceOf(TemplateError);
  }
  expect(performance.now() - began).toBeLessThan(2000);
});
