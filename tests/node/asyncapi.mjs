// Reads an AsyncAPI document with the reference parser; prints its diagnostics, and how much of it was understood.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
console.log(JSON.stringify({
  diagnostics: diagnostics.map(({ code, message, severity, path }) => ({ code, message, severity, path: path.join(".") })),
  channels: document ? document.channels().all().map((channel) => channel.id()) : [],
  messages: document ? document.components().messages().all().map((message) => message.id()) : [],
}));
