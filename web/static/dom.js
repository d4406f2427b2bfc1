// Small words for the pages.

export const $ = (id) => document.getElementById(id);

export const count = (number) => number.toLocaleString("en-GB");

export function tag(name, text, kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

export function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}
