// @event-driven-io/emmett-postgresql as a contestant in a process of its own. Resolved from .bench/node.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const asked = JSON.parse(process.argv[2]);
const require = createRequire(asked.modules + "/index.js");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { getPostgreSQLEventStore } = await load("@event-driven-io/emmett-postgresql");
const { default: pg } = await load("pg");

const pool = new pg.Pool({ host: asked.host, user: asked.user, password: asked.password, database: asked.database, max: asked.writers });
const store = getPostgreSQLEventStore("postgresql://", { connectionOptions: { pool } });
await store.schema.migrate();

const event = () => ({ type: asked.type, data: JSON.parse(asked.payload), metadata: JSON.parse(asked.metadata) });

function writer(stream) {
  let known = "STREAM_DOES_NOT_EXIST";
  return async () => {
    for (;;) {
      try {
        const done = await store.appendToStream(stream, [event()], { expectedStreamVersion: known });
        known = done.nextExpectedStreamVersion;
        return;
      } catch (error) {
        if (error?.errorCode !== 412) throw error;
        // The error does not carry the version found, so ask; its own reader would read the whole stream.
        const found = await pool.query("SELECT stream_position FROM emt_streams WHERE stream_id = $1", [stream]);
        known = found.rows.length ? BigInt(found.rows[0].stream_position) : "STREAM_DOES_NOT_EXIST";
      }
    }
  };
}

function serverTicks() {
  let total = 0;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    let text;
    try {
      text = readFileSync(`/proc/${entry}/stat`, "utf8");
    } catch {
      continue; // it ended meanwhile
    }
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    if (fields[1] === asked.postmaster) total += fields[11] + fields[12];
    else if (Number(entry) === asked.postmaster) total += fields[11] + fields[12] + fields[13] + fields[14];
  }
  return total;
}

const latencies = [];
const streams = Array.from({ length: asked.writers }, (_, nr) => `session-${asked.run}-${asked.scene === "racing" ? 0 : nr}`);
const cpu = process.cpuUsage();
const ticks = serverTicks();
const started = performance.now();
const end = started + asked.seconds * 1000;
await Promise.all(
  streams.map(async (stream) => {
    const one = writer(stream);
    for (let at = performance.now(); at < end; at = performance.now()) {
      await one();
      latencies.push(performance.now() - at);
    }
  }),
);
const took = (performance.now() - started) / 1000;
const used = process.cpuUsage(cpu);
latencies.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    rate: latencies.length / took,
    p50_ms: latencies[Math.floor(latencies.length * 0.5)],
    p99_ms: latencies[Math.floor(latencies.length * 0.99)],
    client_us: (used.user + used.system) / latencies.length,
    server_us: ((serverTicks() - ticks) / asked.ticks) * (1e6 / latencies.length),
  }),
);
process.exit(0);
