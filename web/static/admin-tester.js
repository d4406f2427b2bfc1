// What the rules would make of a call that is only thought of.

import { Refused, ask } from "./api.js";
import { $, count, tag, trouble } from "./dom.js";

const TEST = "/api/rostrum/v1/rules/test/";
const FLAT = 30; // With more rules than this, those that were passed over are folded by reason.
const MORE = 100; // So many of a fold are shown at a time.

const VERDICTS = {
  matched: "Matched", disabled: "Disabled", direction: "Other direction", "source-protocol": "Other protocol",
  unregistered: "Registered devices only", "source-location": "Other source location", alias: "Pattern does not match",
  "bad-pattern": "Pattern cannot be read", "not-reached": "Not reached",
};

export function offerLocations(locations) {
  const before = $("test-location").value;
  $("test-location").replaceChildren(
    new Option("none", ""), ...[...locations.values()].map((name) => new Option(name, name)));
  $("test-location").value = [...locations.values()].includes(before) ? before : "";
}

$("reveal").addEventListener("click", () => {
  const shown = $("test-alias").type === "text";
  $("test-alias").type = shown ? "password" : "text";
  $("reveal").textContent = shown ? "Show" : "Hide";
  $("reveal").setAttribute("aria-pressed", String(!shown));
});

$("test-direction").addEventListener("change", () => {
  $("test-protocol").disabled = $("test-direction").value === "outgoing";
});

$("test").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = { alias: $("test-alias").value, direction: $("test-direction").value, location: $("test-location").value };
  if (wanted.direction === "incoming") wanted.protocol = $("test-protocol").value;
  complain({});
  try {
    show(await ask(TEST, wanted));
    trouble("");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    $("verdict").replaceChildren();
    const left = complain(error.errors);
    if (left || !Object.keys(error.errors).length) trouble(left || error.message);
  }
});

// Says each error at its field, and returns what is about no field.
function complain(errors) {
  let first = null;
  for (const name of ["alias", "location", "protocol"]) {
    const said = (errors[name] ?? []).join(" ");
    $(`test-${name}-error`).textContent = said;
    $(`test-${name}`).setAttribute("aria-invalid", String(Boolean(said)));
    if (said) first ??= $(`test-${name}`);
  }
  first?.focus();
  return (errors.__all__ ?? []).join(" ");
}

function show(answer) {
  const decided = answer.rules.find((one) => one.verdict === "matched");
  $("verdict").replaceChildren(
    outcome(answer, decided),
    tag("h3", `Rules, in their order (${count(answer.rules.length)})`),
    ...(answer.rules.length > FLAT ? folded(answer.rules) : [flat(answer.rules)]),
  );
  $("verdict").focus({ preventScroll: true });
}

function outcome(answer, decided) {
  const box = tag("div", "", `outcome ${answer.dialled ? "good" : "bad"}`);
  box.append(tag("p", answer.dialled ? `“${decided.name}” decides.` : "Nothing would be dialled.", "head"));
  const facts = document.createElement("dl");
  const fact = (name, ...values) => {
    facts.append(tag("dt", name));
    for (const value of values) {
      const line = document.createElement("dd");
      line.append(value);
      facts.append(line);
    }
  };
  fact("Alias", tag("code", answer.alias));
  if (answer.dialled) {
    const url = tag("code", answer.dialled.url);
    const mark = tag("small", ` #${answer.dialled.fingerprint}`);
    mark.title = "Equal for equal addresses, so that two streams can be told apart";
    const line = document.createElement("span");
    line.append(url, mark);
    fact("Dialled", line);
    fact("From", answer.outgoing_location || "anywhere");
    fact("Workers there now", ...workers(answer.workers));
    if (answer.crypto_mode) fact("Media encryption", answer.crypto_mode);
    if (answer.max_pixels_per_second) fact("Quality at most", answer.max_pixels_per_second);
  } else {
    if (decided) fact("Decided by", decided.name);
    const reason = document.createElement("span");
    reason.append(tag("code", answer.code), ` ${answer.reason}`);
    fact("Because", reason);
  }
  box.append(facts);
  return box;
}

function workers(all) {
  if (!all.length) return [tag("b", "none: the call would end with “no-worker”", "bad")];
  return all.map((one) => {
    const state = one.draining ? ", takes no new work" : "";
    const place = one.overflow ? `${one.location}, overflow` : one.location;
    return `${one.worker} (${place}): ${one.used} of ${one.capacity} sessions${state}`;
  });
}

function item(one) {
  const line = document.createElement("li");
  line.className = `tried ${one.verdict}`;
  line.append(
    tag("span", one.priority ?? "", "number"), tag("b", one.name || `rule ${one.id}`),
    tag("span", VERDICTS[one.verdict] ?? one.verdict, "badge"), tag("p", one.reason, "what"));
  return line;
}

function flat(rules) {
  const list = tag("ol", "", "tries");
  list.append(...rules.map(item));
  return list;
}

// What matched first, and then how many were passed over for which reason.
function folded(rules) {
  const groups = new Map();
  for (const one of rules) {
    const key = one.verdict === "matched" ? "" : `${VERDICTS[one.verdict]}: ${one.reason}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(one);
  }
  const parts = [];
  if (groups.has("")) parts.push(flat(groups.get("")));
  for (const [reason, those] of groups) if (reason) parts.push(fold(reason, those));
  return parts;
}

function fold(reason, those) {
  const box = document.createElement("details");
  const summary = tag("summary", `${count(those.length)} ${those.length === 1 ? "rule" : "rules"} skipped. ${reason}`);
  const list = tag("ol", "", "tries");
  const more = tag("button", "Show more", "quiet");
  more.type = "button";
  const grow = () => {
    list.append(...those.slice(list.children.length, list.children.length + MORE).map(item));
    more.hidden = list.children.length >= those.length;
  };
  more.addEventListener("click", grow);
  box.addEventListener("toggle", () => { if (box.open && !list.children.length) grow(); });
  box.append(summary, list, more);
  return box;
}
