// The rules in their order, a page at a time, and who may see them.

import { Refused, change, get, hasToken, remove, signOut, usePassword, useToken } from "./api.js";
import { $, count, tag, trouble } from "./dom.js";
import { edit } from "./admin-editor.js";
import { offerLocations } from "./admin-tester.js";

const RULES = "/api/admin/configuration/v1/gateway_routing_rule/";
const PAGE = 50; // Rules at a time: what can be looked through, of ten thousand.
const PAUSE = 250; // Milliseconds without a letter before what was typed is looked for.

let offset = 0;
let asked = 0; // So that an answer that comes late does not replace a later one.
let locations = new Map(); // Reference to name.

function say(text) {
  $("said").textContent = text;
}

function failed(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401) askWho(hasToken() ? "The server does not know this token." : "");
  else trouble(Object.values(error.errors).flat()[0] ?? error.message);
}

function askWho(text) {
  $("desk").hidden = true;
  $("sign-in").hidden = false;
  $("sign-out").hidden = true;
  $("token-error").textContent = text;
  $("token").setAttribute("aria-invalid", String(Boolean(text)));
  $("token").focus();
}

// Where calls can be handled: what is configured, and where workers are.
async function findLocations() {
  const configured = (await get("/api/admin/configuration/v1/system_location/?limit=0&order_by=name")).objects;
  const { workers } = await get("/api/rostrum/v1/workers/");
  const names = new Set(configured.map((one) => one.name));
  locations = new Map(configured.map((one) => [one.resource_uri, one.name]));
  for (const { location } of workers) if (!names.has(location)) locations.set(location, location);
  offerLocations(locations);
}

function query() {
  const wanted = new URLSearchParams({ limit: PAGE, offset, order_by: "priority,name,id" });
  if ($("by-name").value) wanted.set("name__icontains", $("by-name").value);
  if ($("by-match").value) wanted.set("match_string__icontains", $("by-match").value);
  for (const [name, value] of new URLSearchParams($("by-kind").value)) wanted.set(name, value);
  return wanted;
}

async function load() {
  const mine = ++asked;
  const { meta, objects } = await get(`${RULES}?${query()}`);
  if (mine !== asked) return;
  if (!objects.length && offset) {
    offset = Math.max(0, Math.floor((meta.total_count - 1) / PAGE) * PAGE);
    return load();
  }
  trouble("");
  show(meta, objects);
}

function show(meta, objects) {
  const searching = $("by-name").value || $("by-match").value || $("by-kind").value;
  $("total").textContent = searching ? `(${count(meta.total_count)} found)` : `(${count(meta.total_count)})`;
  $("rule-list").replaceChildren(...objects.map(row));
  $("nothing").hidden = objects.length > 0;
  $("nothing").textContent = searching
    ? "No rule is like that."
    : "There is no rule yet, so calls that are routed automatically end with “no-rule”.";
  $("previous").disabled = !meta.previous || !offset;
  $("next").disabled = !meta.next;
  $("range").textContent = objects.length
    ? `${count(offset + 1)} to ${count(offset + objects.length)} of ${count(meta.total_count)}`
    : "";
  document.querySelector(".pager").hidden = meta.total_count <= PAGE;
}

function cell(title, ...content) {
  const element = document.createElement("td");
  element.dataset.title = title;
  element.append(...content);
  return element;
}

function button(text, label, act, kind = "quiet") {
  const element = tag("button", text, kind);
  element.type = "button";
  element.setAttribute("aria-label", label);
  element.addEventListener("click", act);
  return element;
}

function row(rule) {
  const line = document.createElement("tr");
  line.classList.toggle("off", !rule.enable);
  const name = tag("th", rule.name);
  name.scope = "row";
  name.dataset.title = "Name";
  if (rule.description) name.append(tag("small", rule.description));
  line.append(
    cell("Priority", tag("span", rule.priority, "number")),
    name,
    cell("Calls", ...calls(rule)),
    cell("Match and replace", ...patterns(rule)),
    cell("Outgoing location", place(rule.outgoing_location) ?? tag("span", "anywhere", "soft")),
    cell("Enabled", enabling(rule)),
    cell("Change",
      button("Edit", `Edit ${rule.name}`, () => open(rule)),
      button("Delete", `Delete ${rule.name}`, () => drop(rule), "quiet danger")),
  );
  return line;
}

function calls(rule) {
  const kinds = [];
  if (rule.match_outgoing_calls) kinds.push(tag("span", "outgoing", "chip"));
  if (rule.match_incoming_calls) kinds.push(tag("span", "incoming", "chip"));
  if (!kinds.length) kinds.push(tag("span", "none", "soft"));
  const from = place(rule.match_source_location);
  if (from) kinds.push(tag("small", `from ${from}`));
  return kinds;
}

function patterns(rule) {
  const match = tag("code", rule.match_string);
  const shown = [match, tag("small", rule.match_string_full ? "whole alias" : "alias without scheme")];
  if (rule.replace_string) {
    const arrow = tag("span", "→", "soft");
    arrow.setAttribute("aria-label", "becomes");
    const line = tag("div", "", "becomes");
    line.append(arrow, tag("code", rule.replace_string));
    shown.push(line);
  }
  return shown;
}

const place = (reference) => (reference ? locations.get(reference) ?? reference : null);

function enabling(rule) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "switch";
  element.setAttribute("role", "switch");
  element.setAttribute("aria-checked", String(rule.enable));
  element.setAttribute("aria-label", `${rule.name} is enabled`);
  element.addEventListener("click", async () => {
    const on = element.getAttribute("aria-checked") !== "true";
    try {
      await change(rule.resource_uri, { enable: on });
      rule.enable = on;
      element.setAttribute("aria-checked", String(on));
      element.closest("tr").classList.toggle("off", !on);
      say(`${rule.name} is ${on ? "enabled" : "disabled"}.`);
      trouble("");
    } catch (error) { failed(error); }
  });
  return element;
}

async function open(rule) {
  try {
    await findLocations();
    const saved = await edit(rule, locations);
    if (!saved) return;
    say(`${saved} is saved.`);
    await load();
  } catch (error) { failed(error); }
}

function drop(rule) {
  const dialog = $("sure");
  $("sure-text").textContent = `“${rule.name}” answers no call from then on. This cannot be undone.`;
  dialog.returnValue = "no";
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "yes") return;
    try {
      await remove(rule.resource_uri);
      say(`${rule.name} is deleted.`);
      await load();
      $("rules").focus();
    } catch (error) { failed(error); }
  }, { once: true });
  dialog.showModal();
}

async function turn(to) {
  offset = Math.max(0, to);
  try {
    await load();
    document.querySelector(".scroll").scrollIntoView({ block: "nearest" });
  } catch (error) { failed(error); }
}

let typing = null;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => turn(0), PAUSE);
});
$("search").addEventListener("submit", (event) => { event.preventDefault(); turn(0); });
$("previous").addEventListener("click", () => turn(offset - PAGE));
$("next").addEventListener("click", () => turn(offset + PAGE));
$("add").addEventListener("click", () => open(null));

async function begin() {
  try {
    await findLocations();
    await load();
    $("sign-in").hidden = true;
    $("desk").hidden = false;
    $("sign-out").hidden = !hasToken();
  } catch (error) { failed(error); }
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken($("token").value.trim());
  $("token").value = "";
  begin();
});
$("with-password").addEventListener("click", () => { usePassword(); begin(); });
$("sign-out").addEventListener("click", () => { signOut(); location.reload(); });

begin();
