import { expect, test } from "vitest";
import { blameCertificate } from "./blame-certificate.ts";
import { renderCertificateTrial, renderCrtList } from "./crt-list.ts";

const [a, b] = [{ path: "/certs/a.pem" }, { path: "/certs/b.pem" }];

test("the list has one file a line, the default first, and ends with a line end", () => {
  expect(renderCrtList([b, a])).toBe("/certs/b.pem\n/certs/a.pem\n");
  expect(renderCrtList([])).toBe("");
});

test("a trial loads one certificate", () => {
  expect(renderCertificateTrial("/certs/.a.pem.new")).toContain(" ssl crt /certs/.a.pem.new\n");
});

test("finds the certificate that HAProxy names", () => {
  const alert = (text: string) => `[ALERT]  (1) : config : parsing [haproxy.cfg:9] : 'bind *:443' : ${text}`;
  expect(blameCertificate(alert("unable to load SSL certificate into SSL Context '/certs/b.pem'."), [a, b])).toBe(b);
  expect(blameCertificate(alert("No Private Key found in '/certs/a.pem.key'."), [a, b])).toBe(a);
  expect(blameCertificate(alert("unknown keyword 'nope'"), [a, b])).toBeUndefined();
});
