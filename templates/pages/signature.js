"use strict";
// Checks the signature of a webhook where it is pasted: nothing leaves this page. No text stands here: the
// page holds every answer, and the one that applies is shown.

const PATIENCE = 300;

function bytes(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

function keyOf(secret) {
  const [, stem] = /^\s*whsec_([A-Za-z0-9+/]+={0,2})\s*$/.exec(secret) || [];
  try {
    const key = bytes(stem);
    return key.length >= 24 && key.length <= 64 ? key : null;
  } catch {
    return null;
  }
}

function headersOf(text) {
  const pairs = text.split(/\r?\n/).map((line) => /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line));
  return Object.fromEntries(pairs.filter(Boolean).map(([, name, value]) => [name.toLowerCase(), value]));
}

async function signed(key, text) {
  const own = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", own, new TextEncoder().encode(text));
  return "v1," + btoa(String.fromCharCode(...new Uint8Array(mac)));
}

// What a page or an editor may have done to a body, the body itself first.
function readings(body) {
  const bare = body.replace(/(\r?\n)+$/, "");
  return [body, bare, bare + "\n", body.replace(/\r?\n/g, "\r\n")];
}

// The names of all the answers that apply; `now` in seconds.
async function judge(pasted, body, secret, now) {
  if (!globalThis.crypto || !crypto.subtle) return ["no-crypto"];
  const headers = headersOf(pasted);
  const [id, at, given] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((one) => headers[one]);
  if (!id || !at || !given) return ["no-headers"];
  if (!/^\d{1,12}$/.test(at)) return ["no-time"];
  const key = keyOf(secret);
  if (!key) return ["bad-secret"];
  const late = now - Number(at) > PATIENCE ? ["too-old"] : Number(at) - now > PATIENCE ? ["too-new"] : [];
  const known = given.split(/\s+/);
  for (const [turn, reading] of readings(body).entries()) {
    if (known.includes(await signed(key, `${id}.${at}.${reading}`))) {
      return [turn ? "line-ends" : "holds", ...late];
    }
  }
  return ["differs", ...late];
}

if (typeof document === "undefined") {
  module.exports = { judge };
} else {
  document.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [headers, body, secret] = ["headers", "body", "secret"].map((id) => document.getElementById(id).value);
    const answers = await judge(headers, body, secret, Date.now() / 1000);
    for (const one of document.querySelectorAll("[data-answer]")) {
      one.hidden = !answers.includes(one.dataset.answer);
    }
  });
}
