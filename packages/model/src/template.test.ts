import fc from "fast-check";
import { expect, test } from "vitest";
import { DomainError } from "./errors.ts";
import { expandTemplate, type TemplateContext } from "./template.ts";

const context: TemplateContext = {
  Service: { ID: "s1", Name: "web", Labels: { zone: "eu", "com.example.k": "v" } },
  Node: { ID: "n1", Hostname: "node-1", Platform: { Architecture: "x86_64", OS: "linux" } },
  Task: { ID: "t1", Name: "web.2.t1", Slot: "2" },
};

test.each([
  ["plain", "plain"],
  ["}} is only text", "}} is only text"],
  ["{{.Service.Name}}-{{.Task.Slot}}", "web-2"],
  ["{{ .Service.ID }}/{{.Task.ID}}/{{.Task.Name}}", "s1/t1/web.2.t1"],
  ["{{.Node.ID}}@{{.Node.Hostname}} {{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}", "n1@node-1 linux/x86_64"],
  ["{{.Service.Labels.zone}}", "eu"],
  ['{{index .Service.Labels "com.example.k"}}', "v"],
  ['{{index .Service.Labels "absent"}}', ""],
  ["{{index $.Service.Labels `zone`}}", "eu"],
  ['{{join "-" .Service.Name .Task.Slot "x}}"}}', "web-2-x}}"],
  ['{{ "a\\tb" }}{{`c\\n`}}', "a\tbc\\n"],
  ["a  {{- .Task.Slot -}}  b", "a2b"],
  ["a  {{- /* nothing */ -}}  b", "ab"],
  ["a  {{- .Task.Slot }}  b", "a2  b"],
  ["a  {{ .Task.Slot   -}}  \n b", "a  2b"],
  ["x {{- if .Service.Labels }} labelled {{- else }} bare{{end}}", "x labelled"],
  ['{{if eq .Task.Slot "1"}}one{{else if eq .Task.Slot "2"}}two{{else}}many{{end}}', "two"],
  ['{{if not (eq .Task.Slot "2")}}other{{end}}.', "."],
  ['{{.Task.Slot | printf "%s-%s" .Service.Name | printf "%q"}}', '"web-2"'],
  ['{{printf "%03d|%-4s|%v" 7 "a" true}}', "007|a   |true"],
  ['{{or "" .Task.Slot}}{{and "" .Task.Slot}}{{len .Service.Name}}', "23"],
  ['{{print "a" 1 2 "b"}}', "a1 2b"],
  ["{{.Service.Labels}}", "map[com.example.k:v zone:eu]"],
  ["{{(index .Service.Labels `zone`)}}", "eu"],
])("expands %j to %j", (template, expected) => {
  expect(expandTemplate(template, context)).toBe(expected);
});

test.each([
  ["{{.Nope}}", `1:2: executing "expansion" at <.Nope>: can't evaluate field Nope in type *template.Context`],
  ["é{{ .Nope }}", `1:5: executing "expansion" at <.Nope>: can't evaluate field Nope in type *template.Context`],
  ["a\nb {{.Nope}}", `2:4: executing "expansion" at <.Nope>: can't evaluate field Nope in type *template.Context`],
  [
    "{{.Service.Nope}}",
    `1:10: executing "expansion" at <.Service.Nope>: can't evaluate field Nope in type struct { ID string; Name string; Labels map[string]string }`,
  ],
  [
    "{{.Node.Platform.Bits}}",
    `1:7: executing "expansion" at <.Node.Platform.Bits>: can't evaluate field Bits in type template.Platform`,
  ],
  ["{{.Task.ID.Bits}}", `1:7: executing "expansion" at <.Task.ID.Bits>: can't evaluate field Bits in type string`],
  [
    "{{.Service.Labels.nope}}",
    `1:10: executing "expansion" at <.Service.Labels.nope>: map has no entry for key "nope"`,
  ],
  [
    `{{index .Task.ID "x"}}`,
    `1:2: executing "expansion" at <index .Task.ID "x">: error calling index: cannot index slice/array with type string`,
  ],
  ["{{.Task.ID 1}}", `1:7: executing "expansion" at <.Task.ID>: can't give argument to non-function .Task.ID`],
  ["{{nope}}", `1: function "nope" not defined`],
  ["{{.Task.ID", "1: unclosed action"],
  ["{{}}", "1: missing value for command"],
  ["{{if .Task.ID}}x", "1: unexpected EOF"],
  ["x{{end}}", "1: unexpected {{end}}"],
  ['{{"abc}}', "1: unterminated quoted string"],
  ["{{range .Service.Labels}}{{end}}", "1: {{range}} is not supported here"],
  ["{{.A & .B}}", '1: unexpected "&" in operand'],
  [
    "{{.__proto__}}",
    `1:2: executing "expansion" at <.__proto__>: can't evaluate field __proto__ in type *template.Context`,
  ],
  [
    "{{.Service.Labels.constructor}}",
    `1:10: executing "expansion" at <.Service.Labels.constructor>: map has no entry for key "constructor"`,
  ],
])("refuses %j in Go's words", (template, problem) => {
  expect(() => expandTemplate(template, context)).toThrow(
    new DomainError("invalid-parameter", `template: expansion:${problem}`),
  );
});

test("anything either expands or fails with an operator's error", () => {
  const piece = fc.constantFrom(
    "{{",
    "}}",
    "{{- ",
    " -}}",
    ".Task.ID",
    ".X",
    "if ",
    "else",
    "end",
    '"',
    "`",
    "|",
    "(",
    ")",
    " ",
    "join",
    "é",
    "\n",
    "1",
    "$",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        expect(typeof expandTemplate(pieces.join(""), context)).toBe("string");
      } catch (error) {
        expect(error).toMatchObject({ name: "DomainError", code: "invalid-parameter" });
      }
    }),
    { numRuns: 2000 },
  );
});
