// Text as people read it. What agents wrote is shown as it is, with nothing in it that could act or mislead.

/** Control characters, and those that have no width or turn the direction of the text around them. */
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/gu;

function escaped(character) {
  return `\\u{${character.codePointAt(0).toString(16)}}`;
}

/** The text with every character that cannot be seen written as `\u{202e}`. */
export function visible(text) {
  return String(text).replace(unseen, escaped);
}

/** The same, but line breaks and tabs stay. */
export function visibleLines(text) {
  return String(text).replaceAll("\r\n", "\n")
    .replace(unseen, (character) => character === "\n" || character === "\t" ? character : escaped(character));
}

/** The first `length` characters, never half of one. */
export function cut(text, length) {
  const characters = Array.from(String(text).slice(0, length * 2 + 2));
  return characters.length > length ? `${characters.slice(0, length).join("")}…` : String(text);
}

const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** "3 hr. ago", "in 2 days". */
export function ago(date, now = Date.now()) {
  const seconds = Math.round((date.getTime() - now) / 1000);
  if (Number.isNaN(seconds)) return "at no time";
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** `2026-11-27 22:50:09 UTC`: as the command line and the logs have it. */
export function utc(date) {
  return Number.isNaN(date.getTime()) ? "no time" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export function number(value) {
  return Number(value).toLocaleString("en");
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${Number(count) === 1 ? one : many}`;
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const seconds = milliseconds / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
