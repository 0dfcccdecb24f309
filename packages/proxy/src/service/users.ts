import { malformed, ParameterError } from "./parameter-error.ts";
import { hasControl } from "./plain-text.ts";
import type { User } from "./service.ts";

/** What is asked for in `users` and `usersSecret`, and where passwords may come from. */
export interface UserSources {
  /** The parameter `users`. */
  readonly users: string;
  /** The name in `usersSecret`, and the secret's text if there is one. */
  readonly secretName: string;
  readonly secret: string | undefined;
  /** The passwords in both are hashes. */
  readonly encrypted: boolean;
  readonly globalUsers: readonly User[];
}

/** One entry; without `password` when only a name was given. */
interface Entry {
  readonly username: string;
  readonly password?: string;
}

/** Entries between commas or line ends, split at their first colon; those without a name or after a colon without a password are dropped. */
export function userEntries(text: string): Entry[] {
  const parts = text.split(/[,\r\n]/).map((part) => part.trim());
  return parts.flatMap((part): Entry[] => {
    const colon = part.indexOf(":");
    if (colon < 0) return part === "" ? [] : [{ username: part }];
    const entry = { username: part.slice(0, colon).trim(), password: part.slice(colon + 1).trim() };
    return entry.username === "" || entry.password === "" ? [] : [entry];
  });
}

/** Users that have a password; of a repeated name the first. */
export const usersWithPassword = (text: string, encrypted: boolean): User[] =>
  firstOfName(
    userEntries(text).flatMap(({ username, password }) =>
      password === undefined ? [] : [{ username, password, encrypted }],
    ),
  );

/**
 * Who may use a service: `users`, those without a password with that of the secret if one is named, else of the global
 * users, without regard to case; no `users`: all of the secret. Undefined when neither is asked for; empty when they are
 * and nobody has a password (`docker-flow-proxy.md` section 4.5). Throws ParameterError.
 */
export function mergeUsers(sources: UserSources): readonly User[] | undefined {
  const { users, secretName, secret, encrypted, globalUsers } = sources;
  if (users === "" && secretName === "") return undefined;
  const ofSecret = usersWithPassword(secret ?? "", encrypted);
  const known = secretName === "" ? globalUsers : ofSecret;
  const named = userEntries(users);
  const merged = named.length === 0 ? ofSecret : named.flatMap((entry) => complete(entry, encrypted, known) ?? []);
  return firstOfName(merged).map(checkUser);
}

function complete({ username, password }: Entry, encrypted: boolean, known: readonly User[]): User | undefined {
  if (password !== undefined) return { username, password, encrypted };
  const user = known.find((one) => one.username.toLowerCase() === username.toLowerCase());
  return user && { ...user, username };
}

function firstOfName(users: readonly User[]): User[] {
  const byName = new Map<string, User>();
  for (const user of users) if (!byName.has(user.username)) byName.set(user.username, user);
  return [...byName.values()];
}

function checkUser(user: User): User {
  if (hasControl(user.username)) throw malformed("users", user.username, "must not contain control characters");
  if (hasControl(user.password)) {
    throw new ParameterError(400, `the password of user ${user.username} must not contain control characters`);
  }
  return user;
}
