// Lints OpenAPI documents with Spectral's own oas rules, all of them; prints what it found as JSON.
import { readFile } from "node:fs/promises";
import spectralCore from "@stoplight/spectral-core";
import rulesets from "@stoplight/spectral-rulesets";

const { Spectral, Document } = spectralCore;
const spectral = new Spectral();
spectral.setRuleset({ extends: [[rulesets.oas, "all"]] });
const found = [];
for (const path of process.argv.slice(2)) {
  const text = await readFile(path, "utf8");
  for (const each of await spectral.run(JSON.parse(text))) {
    found.push({ file: path, code: each.code, message: each.message, severity: each.severity, path: each.path.join(".") });
  }
}
console.log(JSON.stringify(found));
