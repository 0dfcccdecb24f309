import { expect, test } from "vitest";
import { runTemplate } from "./run-template.ts";
import { TemplateError } from "./template-error.ts";

const service = {
  ServiceName: "go-demo",
  AclName: "05-go-demo",
  Replicas: 3,
  IsDefaultBackend: false,
  BackendExtra: "",
  Users: null,
  Tasks: [],
  AddReqHeader: ["X-A 1", "X-B a&b<c>'\"+"],
  ServiceDest: [
    {
      Port: "8080",
      ServicePath: ["/demo", "/x"],
      ServiceDomain: ["a.com", "*.b.com"],
      HttpsPort: 0,
      Index: 1,
      ReqMode: "http",
      PathType: "path_beg",
      ServiceHeader: { "X-Version": "3", name: "Viktor" },
      UserAgent: { Value: ["amiga"], AclName: "amiga" },
      UserDef: "host_cheese",
    },
    {
      Port: "8081",
      ServicePath: [],
      ServiceDomain: null,
      HttpsPort: 9443,
      Index: 2,
      ReqMode: "tcp",
      PathType: "",
      ServiceHeader: {},
      UserAgent: { Value: null, AclName: "" },
      UserDef: "host_wine",
    },
  ],
};

const run = (text: string) => runTemplate({ name: "go-demo-fe.tmpl", text }, service);

test("renders the lines of each destination, as Go does", () => {
  const template = `
{{- range $sd := .ServiceDest}}
    {{- if eq .ReqMode "http"}}
    acl url_{{$.AclName}}{{.Port}}_{{.Index}}{{range .ServicePath}} {{if eq $sd.PathType ""}}path_beg{{else}}{{$sd.PathType}}{{end}} {{.}}{{end}}
        {{- if .ServiceDomain}}
    acl domain_{{$.AclName}}{{$sd.Port}}_{{$sd.Index}} hdr(host) -i{{range $sd.ServiceDomain}} {{.}}{{end}}
        {{- end}}
        {{- range $name, $value := .ServiceHeader}}
    acl hdr_{{$name}} hdr({{$name}}) {{$value}}
        {{- end}}
        {{- $length := len .UserAgent.Value}}{{if gt $length 0}}
    acl ua hdr_sub(User-Agent) -i {{index .UserAgent.Value 0}}
        {{- end}}
    {{- else if gt .HttpsPort 0}}
    # {{(index $.ServiceDest 1).HttpsPort}} {{/* not http */ -}}
    {{- end}}
    use_backend {{$.ServiceName}}-be{{.Port}}_{{.Index}} if {{.UserDef}}
{{- end}}
`;
  expect(run(template)).toBe(`
    acl url_05-go-demo8080_1 path_beg /demo path_beg /x
    acl domain_05-go-demo8080_1 hdr(host) -i a.com *.b.com
    acl hdr_X-Version hdr(X-Version) 3
    acl hdr_name hdr(name) Viktor
    acl ua hdr_sub(User-Agent) -i amiga
    use_backend go-demo-be8080_1 if host_cheese
    # 9443${" "}
    use_backend go-demo-be8081_2 if host_wine
`);
});

test.each([
  ["}} is only text", "}} is only text"],
  ["{{.ServiceName}}", "go-demo"],
  ["{{index .AddReqHeader 1}}", `X-B a&b<c>'"+`],
  ["{{.AddReqHeader}}{{.Users}}{{.Tasks}}", `[X-A 1 X-B a&b<c>'"+][][]`],
  ["{{(index .ServiceDest 0).ServiceHeader}}", "map[X-Version:3 name:Viktor]"],
  ['{{index .ServiceDest 0 "Port"}}', "8080"],
  ['{{index (index .ServiceDest 0).ServiceHeader "none"}}.', "."],
  ["a  {{- .Replicas -}}  b", "a3b"],
  ["a  {{- /* nothing */ -}}  b", "ab"],
  ["a{{/* }} */}}b", "ab"],
  ["{{with .BackendExtra}}{{.}}{{else}}none{{end}}", "none"],
  ["{{with $d := index .ServiceDest 1}}{{.Port}}{{$d.Index}}{{end}}", "80812"],
  ["{{range .Tasks}}x{{else}}no tasks{{end}}", "no tasks"],
  ["{{range .Users}}x{{else}}no users{{end}}", "no users"],
  ["{{range $i, $d := .ServiceDest}}{{$i}}={{$d.Port}} {{end}}", "0=8080 1=8081 "],
  ["{{range 3}}{{.}}{{end}}", "012"],
  ["{{range $i, $d := .ServiceDest}}{{if $i}}{{break}}{{end}}{{$d.Port}}{{end}}", "8080"],
  ["{{range $i, $d := .ServiceDest}}{{if eq $i 0}}{{continue}}{{end}}{{$d.Port}}{{end}}", "8081"],
  ["{{range $i, $none := .Tasks}}{{else}}{{len $none}}{{end}}", "0"],
  ["{{$n := 0}}{{range .ServiceDest}}{{$n = .Index}}{{end}}{{$n}}", "2"],
  ["{{$n := 0}}{{if true}}{{$n := 1}}{{$n}}{{end}}{{$n}}", "10"],
  ["{{if $n := len .ServiceDest}}{{$n}}{{end}}", "2"],
  ["{{if eq .Replicas 1}}one{{else if eq .Replicas 2 3}}a few{{else}}many{{end}}", "a few"],
  ["{{if and .ServiceDest (not .IsDefaultBackend)}}yes{{end}}", "yes"],
  ['{{or .BackendExtra "default"}}', "default"],
  ["{{and 0 (index .Tasks 5)}}{{or 1 (index .Tasks 5)}}", "01"],
  ["{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}} {{ne 1 2}}", "true true false false true"],
  ['{{lt "a" "b"}} {{eq "a" "b" "a"}}', "true true"],
  ['{{.ServiceName | printf "%s-%s" .AclName | printf "%q"}}', '"05-go-demo-go-demo"'],
  ['{{printf "%03d|%-4s|%5v|%x|%.2f|%t|%%" 7 "a" true "hi" 1.5 false}}', "007|a   | true|6869|1.50|false|%"],
  ['{{print "a" 1 2 "b"}}{{println "c" 1}}', "a1 2bc 1\n"],
  ["{{slice .ServiceName 3}}{{slice .ServiceName 0 2}}{{slice .AddReqHeader 0 1}}", "demogo[X-A 1]"],
  ['{{len .ServiceName}}{{len "é"}}{{index "a" 0}}', "7297"],
  ["{{\"a\\tb\\u00e9\\x41\"}}{{`c\\n`}}{{'a'}}", "a\tbéAc\\n97"],
  ["{{0x10}} {{1_000}} {{-2}} {{1.5}} {{.5}}", "16 1000 -2 1.5 0.5"],
])("renders %j as %j", (template, expected) => {
  expect(run(template)).toBe(expected);
});

const refusals: readonly (readonly [string, string])[] = [
  ["a\nb {{.Nope}}", "2: there is no field Nope"],
  ["{{range .ServiceDest}}{{.userDef}}{{end}}", "1: there is no field userDef; UserDef may be meant"],
  ["{{.ServiceDest.Port}}", "1: a list has no field Port"],
  ["{{.ServiceName.Port}}", "1: a string has no field Port"],
  ["{{.__proto__}}", "1: there is no field __proto__"],
  ["{{index .ServiceDest 2}}", "1: index: index 2 is out of range: there are 2"],
  ['{{eq .Replicas "3"}}', "1: eq: a number cannot be compared with a string"],
  ["{{eq .Tasks 1}}", "1: eq: a list cannot be compared; ask for its len"],
  ["{{len 5}}", "1: len: a number has no length"],
  ["{{not}}", "1: not: it wants 1 argument and has 0"],
  ["{{range .ServiceName}}{{end}}", "1: {{range}} cannot go over a string"],
  ['{{printf "%d" "a"}}', "1: printf: %d is not for a string"],
  ['{{printf "%s"}}', "1: printf: there is no argument for %s"],
  ['{{printf "a" 1}}', "1: printf: it has 1 arguments more than verbs"],
  ['{{printf "%9999d" 1}}', "1: printf: %9999d is too wide"],
  ["{{.ServiceName 1}}", "1: only a function can have arguments, and this is none"],
  ["{{nope}}", "1: there is no function nope"],
  ["{{html .ServiceName}}", "1: there is no function html"],
  ["{{$nope}}", "1: there is no variable $nope"],
  ["{{if true}}{{$x := 1}}{{end}}{{$x}}", "1: there is no variable $x"],
  ["\n{{.ServiceName", "2: unclosed action"],
  ["{{/* a", "1: unclosed comment"],
  ["{{/* a */ .X}}", "1: a comment must be the only thing between {{ and }}"],
  ["{{}}", "1: missing value for command"],
  ["{{if}}{{end}}", "1: missing value for command"],
  ["\n{{if true}}\n\n", "2: {{if}} has no {{end}}"],
  ["\n\n{{end}}", "3: unexpected {{end}}"],
  ["{{if 1}}{{else}}{{else}}{{end}}", "1: a second {{else}}"],
  ["{{break}}", "1: {{break}} outside {{range}}"],
  ['{{"abc}}', "1: unterminated quoted string"],
  ['{{"\\z"}}', '1: "\\z" has an escape that is not known'],
  ["{{'ab'}}", "1: 'ab' is not one character"],
  ["{{(1}}", '1: unexpected "}}"'],
  ["{{.A & .B}}", '1: unexpected "&" in an action'],
  ['{{define "a"}}{{end}}', "1: {{define}} is not supported"],
  ['{{template "a"}}', "1: {{template}} is not supported"],
  ["{{range 100000000}}{{range 100000000}}{{end}}{{end}}", "1: it takes too many steps"],
  ['{{$x := "a"}}{{range 100000}}{{$x = print $x $x}}{{end}}', "1: it takes too many steps"],
  ["{{range 1000000}}0123456789{{end}}", "1: the result is longer than 1048576 characters"],
  [`${"{{if 1}}".repeat(600)}`, "1: blocks are nested more than 500 deep"],
  [`{{${"(".repeat(200)}`, "1: unclosed action"],
  [`{{${"(".repeat(200)}}}`, "1: parentheses are nested more than 100 deep"],
];

test.each(refusals.map(([template, problem]) => ({ template, problem })))(
  "refuses a template, line $problem",
  ({ template, problem }) => {
    expect(() => run(template)).toThrow(new TemplateError(`go-demo-fe.tmpl:${problem}`));
  },
);
