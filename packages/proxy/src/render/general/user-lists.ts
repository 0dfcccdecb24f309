import type { User } from "../../service/service.ts";
import type { Section } from "../config-text.ts";
import { refuse, word } from "../language/quote.ts";

/** A list without users lets nobody in. */
export const userList = (name: string, users: readonly User[], owners: readonly string[] = []): Section => ({
  header: `userlist ${name}`,
  owners,
  blocks: [{ lines: users.map(userLine) }],
});

function userLine({ username, password, encrypted }: User): string {
  if (username === "") refuse("users", username, "a user has a name");
  if (password === "") refuse("users", username, "a user has a password");
  const kind = encrypted ? "password" : "insecure-password";
  const text = encrypted ? crypt(username, password) : password;
  return `user ${word("users", username)} ${kind} ${word("users", text)}`;
}

/** What crypt(3) makes: MD5, Blowfish, SHA, yescrypt, or the old one of 13 characters. HAProxy refuses anything else. */
const crypt = (username: string, hash: string): string =>
  /^(\$(1|2[abxy]|5|6|y|gy|7)\$[^\s:]{4,}|[\w./]{13})$/.test(hash)
    ? hash
    : refuse("users", username, "the password is not encrypted as crypt(3) does it");
