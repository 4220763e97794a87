// Shows /openapi.json as a page and lets the reader try an operation. Loads nothing from elsewhere.
"use strict";

const METHODS = ["get", "put", "post", "delete", "patch"];
let contract;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  for (const child of children) made.append(child);
  return made;
}

function resolve(node) {
  while (node && node.$ref) node = node.$ref.slice(2).split("/").reduce((at, step) => at[step], contract);
  return node;
}

function nameOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(" or ");
  if (schema.allOf) return schema.allOf.map(nameOf).join(" with ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array") return "list of " + (nameOf(schema.items || schema.prefixItems) || "values");
  return [schema.format || schema.type || "value", schema.pattern].filter(Boolean).join(" ");
}

function fields(schema) {
  const whole = resolve(schema) || {};
  const rows = Object.entries(whole.properties || {}).map(([name, inner]) =>
    element("tr", {},
      element("td", {}, element("code", {}, name), (whole.required || []).includes(name) ? " (required)" : ""),
      element("td", {}, nameOf(inner)),
      element("td", {}, inner.description || "")));
  return rows.length ? element("table", {}, ...rows) : element("p", {}, nameOf(schema));
}

function exampleOf(content) {
  const named = Object.values(content.examples || {})[0];
  return named ? resolve(named).value : {};
}

function tryForm(path, method, operation) {
  const inputs = (operation.parameters || []).map((parameter) => [parameter, element("input", { size: "40" })]);
  const content = operation.requestBody ? Object.entries(operation.requestBody.content)[0] : null;
  const body = content ? element("textarea", {}) : null;
  if (content && content[0] === "application/json") body.value = JSON.stringify(exampleOf(content[1]), null, 2);
  const answer = element("pre", {});
  const button = element("button", { type: "button" }, "Send");
  button.addEventListener("click", async () => {
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    const token = document.getElementById("token").value.trim();
    if (token) headers.Authorization = "Bearer " + token;
    if (content) headers["Content-Type"] = content[0];
    for (const [parameter, input] of inputs) {
      if (parameter.in === "path") url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value && parameter.in === "query") query.append(parameter.name, input.value);
      else if (input.value && parameter.in === "header") headers[parameter.name] = input.value;
    }
    try {
      const sent = await fetch(url + (String(query) ? "?" + query : ""), { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
      const lines = [...sent.headers].map(([name, value]) => name + ": " + value).join("\n");
      const text = await sent.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
      answer.textContent = sent.status + " " + sent.statusText + "\n" + lines + "\n\n" + shown;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  const rows = inputs.map(([parameter, input]) => element("tr", {},
    element("td", {}, element("code", {}, parameter.name), " (" + parameter.in + (parameter.required ? ", required)" : ")")),
    element("td", {}, input),
    element("td", {}, [nameOf(parameter.schema), parameter.description].filter(Boolean).join(". "))));
  return element("div", {}, rows.length ? element("table", {}, ...rows) : "", body || "", button, answer);
}

function operationBox(path, method, operation) {
  const scopes = (operation.security || []).flatMap((one) => one.oauth2 || []);
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const whole = resolve(response);
    const content = Object.values(whole.content || {})[0];
    return element("tr", {}, element("td", {}, status), element("td", {}, whole.description),
      element("td", {}, content ? nameOf(content.schema) : ""));
  });
  const box = element("details", { id: operation.operationId },
    element("summary", {}, element("span", { class: "method" }, method), element("code", {}, path), operation.summary));
  box.addEventListener("toggle", () => {
    if (!box.open || box.dataset.filled) return;
    box.dataset.filled = "yes";
    box.append(element("p", {}, operation.description || ""));
    box.append(element("p", {}, scopes.length ? "Needs scope " + scopes.join(", ") : "Needs no token"));
    for (const [media, body] of Object.entries((operation.requestBody || {}).content || {}))
      box.append(element("h4", {}, "Body: " + media), fields(body.schema));
    box.append(element("h4", {}, "Answers"), element("table", {}, ...responses));
    box.append(element("h4", {}, "Try it"), tryForm(path, method, operation));
  });
  return box;
}

async function show() {
  contract = await (await fetch("/openapi.json")).json();
  document.title = contract.info.title;
  document.getElementById("title").textContent = contract.info.title + " " + contract.info.version;
  document.getElementById("about").textContent = contract.info.description;
  const sections = new Map(contract.tags.map((tag) => [tag.name, element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description || ""))]));
  for (const [path, item] of Object.entries(contract.paths))
    for (const method of METHODS)
      if (item[method]) sections.get(item[method].tags[0]).append(operationBox(path, method, item[method]));
  document.getElementById("operations").replaceChildren(...sections.values());
}

show().catch((error) => { document.getElementById("operations").textContent = "The contract could not be read: " + error; });
