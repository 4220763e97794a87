// One show from the purchased add-on to the film on demand, in the words of the generated TypeScript client.
// Generate the client first: docs/partners/clients.md. Usage: node play-show.mts ENDPOINTS, the file of a running house.
// Presenters are shown as cards with their name, so nobody needs a camera.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { paths as Entitlement } from "./regie-api/entitlement.ts";
import type { paths as Media } from "./regie-api/media.ts";
import type { components as Plans, paths as Scheduling } from "./regie-api/scheduling.ts";
import type { components as Acts, paths as Stage } from "./regie-api/stage.ts";

// A short day: the show starts in half a minute, coverage opens 22 s before it, speakers are prepared from 15 s before.
const LEAD_S = 30;
const RULES = { margin_before_s: 22, margin_after_s: 4, prep_s: 15, thresholds_minutes: [] };
const LOGO = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEElEQVR4nGNgCF2FHQ0tCQC+sD/BYbAy0AAAAABJRU5ErkJggg==", "base64");

// What the compiler is for: a field that the service does not know is an error here, and not a 422 there.
// @ts-expect-error
export const misspelt: Acts["schemas"]["Session"] = { lease: 1, sesion_id: randomUUID() };

const house = JSON.parse(await readFile(process.argv[2], "utf8"));

// The four services with the token of one role.
function as(role: string) {
  const headers = { Authorization: `Bearer ${house.tokens[role]}` };
  const at = (service: string) => ({ baseUrl: house.services[service].url as string, headers });
  return {
    entitlement: createClient<Entitlement>(at("entitlement")),
    scheduling: createClient<Scheduling>(at("scheduling")),
    stage: createClient<Stage>(at("stage")),
    media: createClient<Media>(at("media")),
  };
}

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

// The answer, if it is what was asked for; otherwise there is a problem document, which says why not.
async function got<T>(answer: Answer<T>): Promise<T> {
  const { data, error, response } = await answer;
  if (data === undefined) throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(error)}`);
  return data;
}

const accepted = async (answer: Answer<unknown>) => (await answer).response.ok;

// The version that a dangerous command has to name: the ETag of what was just read.
const version = async (answer: Answer<unknown>) => ({ "If-Match": (await answer).response.headers.get("etag") ?? "" });

// Looks again until there is something to see: an accepted command is not done yet.
async function until<T>(what: string, look: () => Promise<T>): Promise<NonNullable<T>> {
  for (const end = Date.now() + 90_000; Date.now() < end; await sleep(300)) {
    const seen = await look();
    if (seen) {
      console.log(what);
      return seen;
    }
  }
  throw new Error(`${what}: not within 90 s`);
}

const customer = as("customer");
const integrator = as("integrator");
const analyst = as("analyst");
const supervisor = as("supervisor");

// Terms of a short day, the base package, the add-on: nine hours.
async function buy(): Promise<string> {
  const terms_version = `short-${randomUUID().slice(0, 8)}`;
  const package_id = randomUUID();
  await got(supervisor.entitlement.POST("/terms", { body: { terms_version, rules: RULES } }));
  await got(integrator.entitlement.POST("/customers/me/platform-access", { body: { starts_at: "2026-01-01T00:00:00Z" } }));
  await got(integrator.entitlement.POST("/customers/me/base-packages", { body: { package_id, features: ["vod"] } }));
  const order = { order_ref: `order-${randomUUID()}`, terms_version, base_package_id: package_id, zone: "Europe/Paris" };
  const bought = await got(integrator.entitlement.POST("/entitlements", { body: order }));
  const path = { entitlement_id: bought.id };
  await until("the add-on is active", async () => {
    const { entitlement } = await got(customer.entitlement.GET("/entitlements/{entitlement_id}", { params: { path } }));
    return entitlement.situation === "ACTIVE" && entitlement.hours.available_minutes === 540;
  });
  return bought.id;
}

// A conference of one session, as schedule.json.
function schedule() {
  const talk = {
    guid: randomUUID(), id: 1, date: "2026-06-10T09:00:00+02:00", start: "09:00", duration: "00:30", title: "Opening",
    persons: [{ id: 1, name: "Ada Martin" }],
  };
  const day = {
    index: 1, date: "2026-06-10", day_start: "2026-06-10T08:00:00+02:00", day_end: "2026-06-11T04:00:00+02:00",
    rooms: { "Main hall": [talk] },
  };
  const conference = {
    acronym: "short", title: "A short day", start: "2026-06-10", end: "2026-06-10", daysCount: 1,
    time_zone_name: "Europe/Paris", days: [day],
  };
  return { schedule: { version: "1.0", conference } };
}

// A show, its run of show from a schedule, and hours reserved for it.
async function plan(entitlement_id: string) {
  const show = await got(integrator.scheduling.POST("/shows", { body: { title: "A short day", zone: "Europe/Paris" } }));
  const path = { show_id: show.id };
  const query = { starts_at: new Date(Date.now() + LEAD_S * 1000).toISOString() };
  const header = { "Idempotency-Key": randomUUID() };
  const report = await got(
    integrator.scheduling.POST("/shows/{show_id}/run-of-show/import", { params: { path, query, header }, body: schedule() }),
  );
  if (report.coverage.verdict !== "covered") throw new Error(`the hours do not cover the show: ${report.coverage.verdict}`);
  await got(integrator.scheduling.POST("/shows/{show_id}/rundown/publish", { params: { path } }));
  await got(integrator.scheduling.POST("/shows/{show_id}/confirm", { params: { path }, body: { entitlement_id } }));
  await until("hours are reserved", async () => (await got(integrator.scheduling.GET("/shows/{show_id}", { params: { path } }))).hours);
  const run = await got(integrator.scheduling.GET("/shows/{show_id}/run-of-show", { params: { path } }));
  return { show_id: show.id, stage: run.stages[0] };
}

// The customer's logo, approved.
async function deliver(show_id: string): Promise<string> {
  const asset = await got(customer.media.POST("/assets", { body: { show_id, kind: "logo", name: "logo.png" } }));
  const params = { path: { asset_id: asset.id } };
  const file = { body: "logo.png", bodySerializer: () => LOGO, headers: { "Content-Type": "image/png" } };
  await got(customer.media.PUT("/assets/{asset_id}/content", { params, ...file }));
  await got(analyst.media.POST("/assets/{asset_id}/approve", { params }));
  return asset.id;
}

// An analyst is assigned, and checks in when coverage opens: it is refused until then.
async function staff(show_id: string): Promise<void> {
  const person = { name: "Camille Durand", analyst_id: randomUUID() };
  const { id: analyst_id } = await got(supervisor.scheduling.POST("/team/analysts", { body: person }));
  const seat = await until("there is a seat", async () => {
    const crew = await got(analyst.scheduling.GET("/shows/{show_id}/crew", { params: { path: { show_id } } }));
    return crew.seats[0];
  });
  const params = { path: { show_id, seat_id: seat.seat_id } };
  const body = { analyst_id, mode: "remote" };
  await got(analyst.scheduling.POST("/shows/{show_id}/seats/{seat_id}/assign", { params, body }));
  await until("coverage is open, the analyst is there", () =>
    accepted(analyst.scheduling.POST("/shows/{show_id}/seats/{seat_id}/check-in", { params, body: { analyst_id } })));
}

// The minutes before the session belong to its speakers.
async function prepare(show_id: string, session: Plans["schemas"]["SessionView"]): Promise<void> {
  const { session_id } = session;
  const { speaker_id } = session.speakers[0];
  const invited = { params: { path: { show_id, speaker_id } } };
  await got(customer.scheduling.POST("/shows/{show_id}/speakers/{speaker_id}/invitation-confirmed", invited));
  await until("the speaker's slot is open", async () => {
    const board = await got(analyst.scheduling.GET("/shows/{show_id}/prep-board", { params: { path: { show_id } } }));
    return board.slots.some((slot) => slot.session_id === session_id && slot.opened);
  });
  const params = { path: { show_id, session_id, speaker_id } };
  await got(analyst.scheduling.POST("/shows/{show_id}/prep-slots/{session_id}/{speaker_id}/start", { params }));
  const body = { screen_share_rehearsed: true };
  await got(analyst.scheduling.POST("/shows/{show_id}/prep-slots/{session_id}/{speaker_id}/complete", { params, body }));
}

// The analyst's hands on one stage, under the control lease.
async function onStage(stage_id: string, session_id: string, presenter_id: string, logo: string): Promise<void> {
  const params = { path: { stage_id } };
  const onAir = () => got(analyst.stage.GET("/stages/{stage_id}/on-air", { params }));
  const reached = (situation: string) => until(situation, async () => (await onAir()).situation === situation);
  await until("the stage knows that it is covered", async () => {
    const seen = await got(analyst.stage.GET("/stages/{stage_id}", { params }));
    return seen.coverage?.status === "open" && seen.analysts.length > 0;
  });
  await got(analyst.stage.POST("/stages/{stage_id}/lease", { params, body: { ttl_s: 3600 } }));
  const lease = (await onAir()).operator!.number;
  await got(analyst.stage.POST("/stages/{stage_id}/arming", { params, body: { lease, session_id } }));
  await reached("ARMED");
  const brand = { lease, colour: "#0055aa", logo };
  await until("the logo is on the stage", () => accepted(analyst.stage.POST("/stages/{stage_id}/brand", { params, body: brand })));
  const presenter = { params: { path: { stage_id, presenter_id } } };
  await got(analyst.stage.POST("/stages/{stage_id}/presenters/{presenter_id}/feed", { ...presenter, body: { feed: "card" } }));
  const check = { ...presenter, body: { light: true, video: true, audio: true } };
  await until("the presenter is checked", () =>
    accepted(analyst.stage.POST("/stages/{stage_id}/presenters/{presenter_id}/tech-check", check)));
  await got(analyst.stage.POST("/stages/{stage_id}/presenters/{presenter_id}/screen-share-rehearsal", presenter));
  await got(analyst.stage.POST("/stages/{stage_id}/presenters/{presenter_id}/readiness", presenter));
  const live = () => analyst.stage.POST("/stages/{stage_id}/go-live", { params, body: { lease, session_id } });
  await got(live());
  await reached("LIVE");
  const again = await live();
  if (again.response.status !== 409) throw new Error(`going live twice had to be refused: ${again.response.status}`);
  await got(analyst.stage.POST("/stages/{stage_id}/presenters/{presenter_id}/on-stage", { ...presenter, body: { lease } }));
  await until("the presenter is on stage", async () => (await onAir()).on_stage.length > 0);
  const scene = { lease, layout: "full" as const, sources: [{ kind: "presenter" as const, id: presenter_id }] };
  await got(analyst.stage.POST("/stages/{stage_id}/preview", { params, body: scene }));
  const fade = { lease, transition: "fade" as const };
  await got(analyst.stage.POST("/stages/{stage_id}/take", { params, body: fade }));
  await until("the presenter is in the programme", async () => (await onAir()).program);
  await sleep(2000);
  await until("end of stream", async () => {
    const header = await version(analyst.stage.GET("/stages/{stage_id}", { params }));
    const ended = await analyst.stage.POST("/stages/{stage_id}/end-stream", { params: { ...params, header }, body: { lease } });
    return ended.response.status !== 412 && got(Promise.resolve(ended)); // 412: something happened since, decide again
  });
  await reached("ENDED");
}

// Which job was begun: the receipt (202) says. Its end (200) comes only to who sends `Prefer: wait`.
function made(answer: { id: string } | object): string {
  if ("id" in answer) return answer.id;
  throw new Error(`a receipt was expected, and this came: ${JSON.stringify(answer)}`);
}

// The recording is trimmed and put on demand; answers the size of the film in bytes.
async function publish(show_id: string): Promise<number> {
  const recording = await until("the recording is finalised", async () => {
    const query = { show_id, situation: "FINALISED" as const };
    return (await got(analyst.media.GET("/recordings", { params: { query } }))).items[0];
  });
  const whole = { params: { path: { recording_id: recording.recording_id! } }, body: { title: "A short day", trim: { start_s: 0.5 } } };
  const edit = { params: { path: { edit_id: made(await got(analyst.media.POST("/recordings/{recording_id}/edits", whole))) } } };
  await until("the edit is rendered", async () => (await got(analyst.media.GET("/edits/{edit_id}", edit))).situation === "RENDERED");
  const vod = { params: { path: { vod_id: made(await got(analyst.media.POST("/edits/{edit_id}/vod", edit))) } } };
  await until("the film is on demand", async () => (await got(customer.media.GET("/vod/{vod_id}", vod))).situation === "ON_DEMAND");
  return (await got(customer.media.GET("/vod/{vod_id}/content", { ...vod, parseAs: "arrayBuffer" }))).byteLength;
}

// The show is over, and closed once its coverage is. Answers its state.
async function finish(show_id: string): Promise<string> {
  const params = { path: { show_id } };
  const seen = () => analyst.scheduling.GET("/shows/{show_id}", { params });
  await until("the show is over", async () => {
    const header = await version(seen());
    const ended = await analyst.scheduling.POST("/shows/{show_id}/end", { params: { ...params, header } });
    return ended.response.status !== 412 && got(Promise.resolve(ended));
  });
  await until("coverage is over", async () => (await got(seen())).state === "CLOSED");
  return (await got(seen())).state;
}

const entitlement_id = await buy();
const { show_id, stage } = await plan(entitlement_id);
const [session] = stage.sessions;
const logo = await deliver(show_id);
await staff(show_id);
await prepare(show_id, session);
await onStage(stage.stage_id, session.session_id, session.speakers[0].speaker_id, logo);
const film_bytes = await publish(show_id);
console.log(JSON.stringify({ show_id, state: await finish(show_id), film_bytes }));
