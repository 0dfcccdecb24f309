import { expect, test } from "vitest";
import { createRouter, type Route } from "./router.ts";

const route = (method: Route["method"], path: Route["path"]): Route => ({
  method,
  path,
  handle: () => ({ status: 200 }),
});
const router = createRouter([
  route("GET", "/services"),
  route("POST", "/services/create"),
  route("GET", "/services/{id}"),
  route("POST", "/services/{id}/update"),
]);
const found = (method: string, path: string) => {
  const match = router(method, path);
  return match && `${match.route.path} ${JSON.stringify(match.params)}`;
};

test("finds a route by method and path, with its parameters", () => {
  expect(found("GET", "/services")).toBe("/services {}");
  expect(found("GET", "/services/web")).toBe('/services/{id} {"id":"web"}');
  expect(found("POST", "/services/web/update")).toBe('/services/{id}/update {"id":"web"}');
});

test("knows no route for another method, a longer path or an empty parameter", () => {
  expect(found("PUT", "/services")).toBeUndefined();
  expect(found("GET", "/services/web/x")).toBeUndefined();
  expect(found("GET", "/services/")).toBeUndefined();
});
