// A partner without our code: reads its events with a plain NATS client and prints what each carries.
// Arguments: URL, seed file, tenant, durable, how many. Header values are percent-encoded (CloudEvents, NATS binding).
import { readFile } from "node:fs/promises";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";

const [url, seedFile, tenant, durable, count] = process.argv.slice(2);
const seed = (await readFile(seedFile, "utf8")).trim();
const connection = await connect({
  servers: url,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
  inboxPrefix: `_INBOX_${tenant}`,
});
const consumer = await jetstream(connection).consumers.get("PUBLIC", durable);
const read = [];
for await (const message of await consumer.fetch({ max_messages: Number(count), expires: 10_000 })) {
  const event = {};
  for (const [name, [value]] of message.headers) {
    if (name.startsWith("ce-")) event[name.slice(3)] = decodeURIComponent(value);
  }
  read.push({ ...event, datacontenttype: message.headers.get("content-type"), data: message.json() });
  message.ack();
  if (read.length === Number(count)) break;
}
await connection.drain();
console.log(JSON.stringify(read));
