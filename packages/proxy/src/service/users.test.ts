import { expect, test } from "vitest";
import { defaultParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";
import type { User } from "./service.ts";
import { usersWithPassword } from "./users.ts";

const plain = (username: string, password: string): User => ({ username, password, encrypted: false });
const hashed = (username: string, password: string): User => ({ username, password, encrypted: true });

const secrets: Record<string, string> = {
  dfp_users_team: "ann:of-secret\nBob:of-secret,no-password\n",
  dfp_users_empty: "",
};

function users(query: string, globalUsers: readonly User[] = []): readonly User[] | undefined {
  const parameters = new URLSearchParams(`serviceName=s&servicePath=/&port=80&${query}`);
  const readSecret = (name: string) => secrets[name];
  return parseService(parameters, { ...defaultParseContext, globalUsers, readSecret }).users;
}

test.each([
  ["users with a password of their own", "users=ann:a,bob:b:c", [plain("ann", "a"), plain("bob", "b:c")]],
  ["passwords that are hashes", "users=ann:$5$x&usersPassEncrypted=true", [hashed("ann", "$5$x")]],
  ["users without a password that nobody knows are dropped", "users=ann:a,bob", [plain("ann", "a")]],
  ["nobody is left, so nobody gets in", "users=ann", []],
  ["entries that are none leave nobody", "users=:,:a,a:", []],
  [
    "passwords come from the secret, whatever the case",
    "users=ANN,bob,eve&usersSecret=team",
    [plain("ANN", "of-secret"), plain("bob", "of-secret")],
  ],
  ["a password of its own goes before the secret's", "users=ann:own&usersSecret=team", [plain("ann", "own")]],
  ["only the secret", "usersSecret=team", [plain("ann", "of-secret"), plain("Bob", "of-secret")]],
  [
    "the secret's passwords are hashes",
    "usersSecret=team&usersPassEncrypted=true",
    [hashed("ann", "of-secret"), hashed("Bob", "of-secret")],
  ],
  ["an empty secret leaves nobody", "usersSecret=empty", []],
  ["a secret that is missing leaves nobody", "usersSecret=missing", []],
  [
    "a secret that is missing does not matter to those with a password",
    "users=ann:a&usersSecret=missing",
    [plain("ann", "a")],
  ],
  ["no users asked for", "usersPassEncrypted=true", undefined],
])("%s", (_, query, expected) => {
  expect(users(query)).toEqual(expected);
});

test("without a secret, passwords come from the global users, hashes or not", () => {
  const globals = [hashed("Ann", "$5$x"), plain("bob", "b")];
  expect(users("users=ann,bob:own,eve", globals)).toEqual([hashed("ann", "$5$x"), plain("bob", "own")]);
});

test("a named secret goes before the global users, even when it lacks the user", () => {
  expect(users("users=ann,carl&usersSecret=team", [plain("ann", "global"), plain("carl", "global")])).toEqual([
    plain("ann", "of-secret"),
  ]);
});

test("global users alone are no users of the service", () => {
  expect(users("", [plain("ann", "a")])).toBeUndefined();
});

test("lists are separated by commas and line ends, with blanks around; malformed entries are dropped", () => {
  const text = "ann:a, bob : b \n\n carl:c:d,\r\n,:x,dora:,eve\n";
  expect(usersWithPassword(text, false)).toEqual([plain("ann", "a"), plain("bob", "b"), plain("carl", "c:d")]);
});

test("of a repeated name the first counts", () => {
  expect(usersWithPassword("ann:a,ann:b,Ann:c", true)).toEqual([hashed("ann", "a"), hashed("Ann", "c")]);
});
