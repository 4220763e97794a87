// Read your events from the stream: a durable of your own on NATS JetStream, in order, acknowledged one by one.
//
//   npm install @nats-io/transport-node @nats-io/jetstream
//   node read-stream.mjs .regie/run/endpoints.json [count]
import { readFileSync } from "node:fs";
import { jetstream } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const [endpoints = ".regie/run/endpoints.json", count = "0"] = process.argv.slice(2);
const { url, partner, ca_file } = JSON.parse(readFileSync(endpoints, "utf8")).nats;
const seed = new TextEncoder().encode(readFileSync(partner.seed_file, "utf8").trim());

// Your inboxes carry your tenant's name, and your view of JetStream has a domain of its own.
const connection = await connect({
  servers: url,
  authenticator: nkeyAuthenticator(seed),
  inboxPrefix: partner.inbox_prefix,
  // With tls:// the handshake comes first, and there is no way back to plaintext.
  ...(url.startsWith("tls://") && { tls: { ...(ca_file && { caFile: ca_file }), handshakeFirst: true } }),
});
const stream = jetstream(connection, { domain: partner.domain });
const consumer = await stream.consumers.get(partner.stream, partner.durable);

let done = 0;
const most = Number(count);
while (most === 0 || done < most) {
  // A pull of at most 100; when nothing comes within five seconds we ask again, and the durable remembers where we are.
  const messages = await consumer.fetch({ max_messages: most ? Math.min(100, most - done) : 100, expires: 5000 });
  for await (const message of messages) {
    // CloudEvents in binary mode: who, what and when in headers, the event itself as JSON.
    const headers = message.headers;
    console.log(message.seq, headers.get("ce-id"), headers.get("ce-type"), headers.get("ce-time"), JSON.stringify(message.json()));
    message.ack(); // not acknowledged within 30 s, it comes again: be idempotent by ce-id
    done += 1;
  }
}
await connection.drain();
