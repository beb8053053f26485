// The console's only script: looks again when the gateway says that something changed, counts times on, shows levels, follows sound.
// Without it every page works and shows the moment at which it was loaded.
"use strict";

const body = document.body;
const ahead = Date.parse(body.dataset.now) - Date.now(); // our clock may go wrong: the gateway's counts
const AGAIN_MS = 1000; // no page is fetched more often

// -- times ---------------------------------------------------------------------------------------------------------

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

function counted(from) {
  const whole = Math.max(0, Math.floor((Date.now() + ahead - from) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function tell(root) {
  for (const time of root.querySelectorAll("time[data-shape]")) {
    const at = new Date(time.dateTime);
    time.textContent = (time.dataset.shape === "clock" ? clock : full).format(at);
    time.title = at.toISOString();
  }
  count(root);
}

function count(root) {
  for (const time of root.querySelectorAll("time.since")) time.textContent = counted(Date.parse(time.dateTime));
}

setInterval(() => count(document), 1000);

// -- the new page into the old one: what is open, focused or playing stays as it is -----------------------------------

function key(node) {
  return node.nodeType === 1 ? node.id || node.dataset.key || "" : "";
}

function fits(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
}

function morph(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.hasAttribute("data-keep") || old.hasAttribute("data-levels") || old === document.activeElement && old.matches("input, select")) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  children(old, fresh);
}

function children(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) if (key(child)) keyed.set(key(child), child);
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let found = key(wanted) ? keyed.get(key(wanted)) : null;
    if (!found && at && fits(at, wanted)) found = at;
    if (found && found.nodeName === wanted.nodeName) {
      if (found === at) at = at.nextSibling;
      else old.insertBefore(found, at);
      morph(found, wanted);
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// -- looking again -----------------------------------------------------------------------------------------------------

let fetched = Date.now();
let planned = 0;
let looking = false;
let lookAgain = false;

function plan() {
  if (looking) lookAgain = true;
  else if (!planned) planned = setTimeout(look, Math.max(0, fetched + AGAIN_MS - Date.now()));
}

async function look() {
  planned = 0;
  fetched = Date.now();
  looking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (answer.status === 401) return location.reload();
    if (!answer.ok) return say("away", "the gateway has trouble");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = document.getElementById("main");
    tell(page);
    document.title = page.title;
    children(main, page.getElementById("main"));
  } catch {
    say("away", "away");
  } finally {
    looking = false;
    if (lookAgain) {
      lookAgain = false;
      plan();
    }
  }
}

const state = document.getElementById("link-state");

function say(kind, text) {
  if (state.textContent === text) return;
  state.className = `link-state ${kind}`;
  state.textContent = text;
}

let stream = null;
let era = "";

function open() {
  if (stream || document.hidden) return;
  const about = new URLSearchParams({ topic: body.dataset.topic });
  if (body.dataset.topic === "call") about.set("sid", body.dataset.sid);
  stream = new EventSource(`/console/stream?${about}`);
  stream.addEventListener("hello", (event) => {
    say("on", "live");
    if (era && era !== event.data) return location.reload();
    era = event.data;
    plan();
  });
  stream.addEventListener("changed", plan);
  stream.addEventListener("levels", (event) => levels(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    say("away", "away: trying again");
    if (stream && stream.readyState === EventSource.CLOSED) { // refused: signed out, or too many pages
      shut();
      setTimeout(() => { plan(); open(); }, 5000);
    }
  });
}

function shut() {
  if (stream) stream.close();
  stream = null;
}

// A page in the background holds no connection: a browser has only six to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    shut();
    say("", "resting");
  } else open();
});
addEventListener("pagehide", shut);
addEventListener("pageshow", open);

// -- levels: -60 dBov is the left end, -6 the right --------------------------------------------------------------------

function levels(found) {
  for (const meters of document.querySelectorAll("[data-levels]")) {
    const pair = found[meters.dataset.levels] || [-127, -127];
    meters.querySelectorAll("i").forEach((bar, at) => {
      bar.style.transform = `scaleX(${Math.min(1, Math.max(0, (pair[at] + 60) / 54))})`;
    });
  }
}

// -- messages of the ladder ----------------------------------------------------------------------------------------------

function unfold() {
  const wanted = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!wanted || wanted.nodeName !== "DETAILS") return;
  wanted.open = true;
  wanted.querySelector("summary").focus({ preventScroll: true });
  wanted.scrollIntoView({ block: "nearest" });
}

addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) unfold(); // pressed again
});

// -- sound: the picture is the slider (its plot lies between 9.2 and 97.6 per cent of its width) ----------------------------

const LEFT = 0.092;
const WIDE = 0.884;

document.addEventListener("click", (event) => {
  const wave = event.target.closest(".wave");
  const audio = wave && wave.parentElement.querySelector("audio");
  if (!audio) return;
  const box = wave.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, ((event.clientX - box.left) / box.width - LEFT) / WIDE));
  const go = () => { audio.currentTime = share * audio.duration; };
  if (Number.isFinite(audio.duration)) go();
  else audio.addEventListener("loadedmetadata", go, { once: true });
  audio.play().catch(() => {});
});

document.addEventListener("timeupdate", (event) => {
  const head = event.target.closest(".sound")?.querySelector(".wave .playhead");
  if (!head || !event.target.duration) return;
  head.hidden = false;
  head.style.left = `${100 * (LEFT + WIDE * event.target.currentTime / event.target.duration)}%`;
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const one of document.querySelectorAll("details.confirm[open]")) one.open = false;
});

tell(document);
unfold();
if (state) open();
