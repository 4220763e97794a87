// Receive webhooks with nothing but Node: verify the signature, do each event once, answer quickly.
//
//   node receive-webhooks.mjs secret-file [port]
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const [secretFile, port = "9000"] = process.argv.slice(2);
const key = Buffer.from(readFileSync(secretFile, "utf8").trim().replace(/^whsec_/, ""), "base64");
const TOLERANCE_S = 300;
const MOST_BYTES = 1_000_000;
const seen = new Set(); // in your database, in the transaction of what you do with the event

function signed(headers, body) {
  const at = Number(headers["webhook-timestamp"]);
  if (!Number.isInteger(at) || Math.abs(Date.now() / 1000 - at) > TOLERANCE_S) return false;
  const text = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${at}.`), body]);
  const wanted = createHmac("sha256", key).update(text).digest();
  // During a rotation there is a signature of each secret; one of them has to be ours.
  return String(headers["webhook-signature"]).split(" ").some((part) => {
    const given = Buffer.from(part.replace(/^v1,/, ""), "base64");
    return part.startsWith("v1,") && given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

const server = createServer(async (request, response) => {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MOST_BYTES) return response.writeHead(413).end();
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  if (!signed(request.headers, body)) return response.writeHead(401).end();
  const event = JSON.parse(body);
  if (!seen.has(request.headers["webhook-id"])) { // at least once means: sometimes twice
    seen.add(request.headers["webhook-id"]);
    console.log(event.id, event.type, event.position ?? "-", JSON.stringify(event.data));
  }
  // 2xx says "I have it": answer so only when the event is safe with you. Anything else and it comes again.
  response.writeHead(204).end();
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
