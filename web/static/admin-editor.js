// One rule in a dialog: made or changed, with what is wrong said at the field it is about.

import { Refused, change, make } from "./api.js";
import { $ } from "./dom.js";

const RULES = "/api/admin/configuration/v1/gateway_routing_rule/";

const CHOICES = {
  outgoing_protocol: { rtmp: "RTMP", sip: "SIP", h323: "H.323", mssip: "MS-SIP", gms: "Google Meet", teams: "Teams" },
  called_device_type: {
    external: "registered device or external system", registration: "registered device",
    mssip_conference_id: "MS-SIP conference", mssip_server: "MS-SIP server", gms_conference: "Google Meet conference",
    teams_conference: "Teams conference", teams_user: "Teams user", telehealth_profile: "telehealth call",
  },
  crypto_mode: { "": "as the global setting says", on: "required", besteffort: "best effort", off: "none" },
  max_pixels_per_second: { "": "as the conference's", sd: "SD", hd: "HD", fullhd: "Full HD" },
};

// What a new rule is: the one that streaming wants. The API's own defaults are Pexip's.
const NEW = {
  name: "", description: "", priority: 100, enable: true, match_outgoing_calls: true, match_incoming_calls: false,
  match_string_full: true, match_string: "rtmps?://(.*)", replace_string: "", match_source_location: null,
  outgoing_location: null, outgoing_protocol: "rtmp", called_device_type: "external", crypto_mode: null,
  max_pixels_per_second: null, max_callrate_out: null, match_incoming_webrtc: true, match_incoming_sip: true,
  match_incoming_mssip: true, match_incoming_h323: true, match_incoming_teams: false, match_incoming_only_if_registered: false,
};

const GROUPS = [
  ["", [
    ["name", "Name", "text"],
    ["priority", "Priority", "number", "1 to 200; lower ones are tried first, among equals the name decides."],
    ["description", "Description", "text"],
    ["enable", "Enabled", "checkbox"],
  ]],
  ["Which calls", [
    ["match_outgoing_calls", "Outgoing calls from a conference", "checkbox"],
    ["match_incoming_calls", "Incoming gateway calls", "checkbox"],
    ["match_source_location", "Calls being handled in location", "location", "", "any"],
    ["match_string", "Destination alias match", "pattern", "Regular expression (RE2) for the whole alias; case does not matter."],
    ["match_string_full", "Match against the full alias, with scheme and port", "checkbox"],
  ]],
  ["What becomes of them", [
    ["replace_string", "Destination alias replace", "pattern", "\\1 to \\9 are groups of the match. Empty: the alias is dialled as received."],
    ["outgoing_location", "Outgoing location", "location", "", "anywhere"],
    ["outgoing_protocol", "Protocol", "choice"],
    ["crypto_mode", "Media encryption", "choice"],
    ["max_pixels_per_second", "Maximum call quality", "choice"],
    ["max_callrate_out", "Maximum outbound bandwidth, kbit/s", "number", "Gateway calls only; 128 to 8192."],
    ["called_device_type", "Call target", "choice"],
  ]],
  ["Incoming calls come in by", [
    ["match_incoming_webrtc", "WebRTC or RTMP", "checkbox"],
    ["match_incoming_sip", "SIP", "checkbox"],
    ["match_incoming_mssip", "MS-SIP", "checkbox"],
    ["match_incoming_h323", "H.323", "checkbox"],
    ["match_incoming_teams", "Teams", "checkbox"],
    ["match_incoming_only_if_registered", "Only from registered devices", "checkbox"],
  ]],
];

const idOf = (name) => `rule-${name}`;

function option(value, text, chosen) {
  return new Option(text, value, false, value === (chosen ?? ""));
}

function input([name, , kind, , nothing], value, locations) {
  if (kind === "location" || kind === "choice") {
    const select = document.createElement("select");
    const known = kind === "choice" ? Object.entries(CHOICES[name]) : [["", nothing], ...locations];
    if (value && !known.some(([one]) => one === value)) known.push([value, value]);
    select.append(...known.map(([one, text]) => option(one, text, value)));
    return select;
  }
  const element = document.createElement("input");
  element.type = kind === "pattern" ? "text" : kind;
  if (kind === "checkbox") element.checked = value;
  else element.value = value ?? "";
  if (kind === "pattern") Object.assign(element, { spellcheck: false, autocapitalize: "none", className: "code" });
  if (kind === "number") element.inputMode = "numeric";
  element.autocomplete = "off";
  return element;
}

function field(spec, value, locations) {
  const [name, title, kind, help] = spec;
  const box = document.createElement("div");
  box.className = kind === "checkbox" ? "field check" : "field";
  const label = document.createElement("label");
  label.htmlFor = idOf(name);
  label.textContent = title;
  const control = input(spec, value, locations);
  control.id = idOf(name);
  control.setAttribute("aria-describedby", `${help ? `${idOf(name)}-help ` : ""}${idOf(name)}-error`);
  box.append(...(kind === "checkbox" ? [control, label] : [label, control]));
  for (const [part, text] of [["help", help], ["error", ""]]) {
    if (text === undefined || (part === "help" && !text)) continue;
    const line = document.createElement("p");
    line.className = part;
    line.id = `${idOf(name)}-${part}`;
    line.textContent = text;
    box.append(line);
  }
  return box;
}

function build(rule, locations) {
  $("rule-fields").replaceChildren(...GROUPS.map(([title, specs]) => {
    const group = document.createElement("fieldset");
    if (title) {
      const legend = document.createElement("legend");
      legend.textContent = title;
      group.append(legend);
    }
    group.append(...specs.map((spec) => field(spec, rule[spec[0]], locations)));
    return group;
  }));
}

// A number that is none goes to the server as it is, which says so; nothing is null where it may be.
function read() {
  const given = {};
  for (const [name, , kind] of GROUPS.flatMap(([, specs]) => specs)) {
    const control = $(idOf(name));
    if (kind === "checkbox") given[name] = control.checked;
    else if (kind === "number") given[name] = control.value === "" ? null : Number(control.value);
    else if (kind === "location" || name === "crypto_mode" || name === "max_pixels_per_second") given[name] = control.value || null;
    else given[name] = control.value;
  }
  if (given.priority === null) delete given.priority;
  return given;
}

function complain(errors, otherwise) {
  let first = null;
  const elsewhere = [];
  for (const control of $("rule-fields").querySelectorAll("input, select")) {
    const said = (errors[control.id.slice(idOf("").length)] ?? []).join(" ");
    control.toggleAttribute("aria-invalid", Boolean(said));
    if (said) control.setAttribute("aria-invalid", "true");
    $(`${control.id}-error`).textContent = said;
    if (said) first ??= control;
  }
  for (const [name, said] of Object.entries(errors)) if (!$(idOf(name))) elsewhere.push(...said);
  if (!first && !elsewhere.length && otherwise) elsewhere.push(otherwise);
  $("rule-error").textContent = elsewhere.join(" ");
  (first ?? (elsewhere.length ? $("rule-error") : null))?.focus();
}

// Resolves with the rule's name when it is saved, and with null when it is not to be.
export function edit(rule, locations) {
  const dialog = $("editor");
  $("editor-title").textContent = rule ? `Edit “${rule.name}”` : "Add a rule";
  build(rule ?? NEW, locations);
  complain({}, "");
  return new Promise((done) => {
    const over = new AbortController();
    let saved = null;
    $("rule").addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = read();
      if (rule && given.priority === undefined) return complain({ priority: ["This field is required."] }, "");
      $("save").disabled = true;
      try {
        await (rule ? change(rule.resource_uri, given) : make(RULES, given));
        saved = given.name;
        dialog.close();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        complain(error.errors, error.message);
      } finally {
        $("save").disabled = false;
      }
    }, { signal: over.signal });
    $("cancel").addEventListener("click", () => dialog.close(), { signal: over.signal });
    dialog.addEventListener("close", () => { over.abort(); done(saved); }, { once: true });
    dialog.showModal();
    $(idOf("name")).focus();
  });
}
