import { expect, test } from "vitest";
import { isImageReference } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.for([
  "nginx",
  "nginx:1.27",
  "library/nginx",
  "registry.example.com/x/y:1",
  "localhost/x",
  "localhost:5000/x-y/z_w__v:T.a-g",
  "REGISTRY/x",
  "[::1]:5000/x",
  `nginx@${digest}`,
  `nginx:1.27@${digest}`,
  "192.168.0.1:80/a",
  "a".repeat(255),
])("%s names an image", (text) => expect(isImageReference(text)).toBe(true));

test.for([
  "",
  "UPPER/:x",
  "Nginx",
  "nginx:",
  "nginx:a b",
  "nginx@sha256:short",
  `nginx@${digest}@${digest}`,
  "a//b",
  "/a",
  "a/",
  "-a",
  "a..b",
  "reg.io:port/x",
  "nginx:-x",
  `nginx:${"t".repeat(129)}`,
  "a".repeat(256),
  "a".repeat(64),
])("%j names none", (text) => expect(isImageReference(text)).toBe(false));

test("takes no longer than its text is long", () => {
  for (const text of [`${"a-".repeat(2000)}!`, "a".repeat(4096), `${"a.".repeat(2000)}/!`, "-".repeat(4096)]) {
    const start = performance.now();
    isImageReference(text);
    expect(performance.now() - start).toBeLessThan(1000);
  }
});
