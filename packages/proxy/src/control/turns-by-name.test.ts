import { expect, test } from "vitest";
import { TurnsByName } from "./turns-by-name.ts";

test("work on one name waits for the work before it, also when that fails; work on another does not", async () => {
  const turns = new TurnsByName();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const work = (name: string, until?: Promise<void>) => async () => {
    await until;
    done.push(name);
  };
  const a = turns.take("a", work("a1", first.promise));
  const again = turns.take("a", work("a2"));
  await turns.take("b", work("b"));
  expect(done).toEqual(["b"]);
  first.reject(new Error("no"));
  await expect(a).rejects.toThrow("no");
  await again;
  expect(done).toEqual(["b", "a2"]);
});
