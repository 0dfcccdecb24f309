/** Names of people, kept by a database, in the order in which they came. */
export interface People {
  add(name: string): Promise<void>;
  names(): Promise<string[]>;
  close(): Promise<void>;
}

/** How long anything is waited for that the database has to do. */
export const patienceMs = 1500;
