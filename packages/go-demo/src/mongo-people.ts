import { MongoClient } from "mongodb";
import { type People, patienceMs } from "./people.ts";

/** As the original go-demo: database `test`, collection `people`, the name is the id. */
export async function openMongoPeople(url: string): Promise<People> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: patienceMs,
    connectTimeoutMS: patienceMs,
    socketTimeoutMS: patienceMs,
  });
  await client.connect();
  const people = client.db("test").collection<{ _id: string; name: string }>("people");
  return {
    async add(name) {
      await people.updateOne({ _id: name }, { $set: { name } }, { upsert: true });
    },
    names: async () => (await people.find().toArray()).map(({ name }) => name),
    close: () => client.close(),
  };
}
