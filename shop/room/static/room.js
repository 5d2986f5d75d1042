// Keeps the page of the machine room up to date by a stream of server-sent events, and sends its forms.
// Without this script, the page shows the state of the moment at which it was loaded, and its buttons work.
const HOP = 450; // milliseconds of a dot on one line
const SHORT = 2500; // milliseconds between two streams of a page that is not among those with a long one
const MOST_DOTS = 80, MOST_EVENTS = 200;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = id => document.getElementById(id);
const list = byId("events"), live = byId("live"), pause = byId("pause"), dots = byId("dots");
const seen = new Map(); // events by id, for the panel
let source = null, last = "", opened = 0;

// ---- the stream

function listen() {
  source = new EventSource(`/room/stream?after=${encodeURIComponent(last)}`);
  source.addEventListener("open", () => {
    opened = Date.now();
    if (!last && !seen.size) list.replaceChildren(); // the first stream begins with all events that the room has
    say("live");
  });
  source.addEventListener("error", () => setTimeout(checkConnection, 1500)); // each stream ends after 20 s or at once, as planned
  source.addEventListener("missed", message => note(`${message.data} events were not kept, and are not shown.`));
  source.addEventListener("tap", message => {
    last = message.lastEventId;
    showEvent(JSON.parse(message.data));
  });
  source.addEventListener("state", message => showState(JSON.parse(message.data)));
}

function checkConnection() {
  if (!source || source.readyState === EventSource.OPEN) return;
  if (Date.now() - opened > SHORT) say("the room does not answer");
  if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (source) { source.close(); listen(); } }, 2000);
}

function say(text) {
  const shown = text === "live" && live.dataset.readOnly ? "live, read-only" : text;
  if (live.textContent !== shown) live.textContent = shown;
}

pause.addEventListener("click", () => {
  const stopping = Boolean(source);
  source?.close();
  source = null;
  pause.setAttribute("aria-pressed", String(stopping));
  pause.textContent = stopping ? "Go on" : "Pause";
  if (stopping) say("paused");
  else listen(); // from the last event on, so that none is left out
});

// ---- counters

function showState({texts, marks}) {
  for (const [id, text] of Object.entries(texts)) {
    const element = byId(id);
    if (element) element.textContent = text;
  }
  for (const [id, mark] of Object.entries(marks)) {
    const box = byId(id);
    if (!box) continue;
    box.classList.remove("busy", "bad", "stopped");
    if (mark) box.classList.add(mark);
  }
  document.querySelector(".lost").classList.toggle("bad", number("book-lost") > 0);
  document.querySelectorAll("td [data-process]").forEach(offer);
  followTour();
}

function offer(button) { // what can be done to the process
  const {action, process} = button.dataset, state = byId(`process-${process}`).textContent;
  const useless = state === (action === "start" ? "running" : "stopped");
  if (useless && button === document.activeElement) button.closest("td").querySelector("button:enabled:not(:focus)")?.focus();
  button.disabled = useless;
}

function number(id) {
  return Number(byId(id)?.textContent || 0);
}

// ---- events

function showEvent(event) {
  if (seen.has(event.id)) return;
  seen.set(event.id, event);
  const item = document.createElement("li"), link = document.createElement("a");
  const time = document.createElement("time"), type = document.createElement("b");
  time.textContent = event.time;
  type.textContent = event.type;
  link.href = trailOf(event);
  link.dataset.id = event.id;
  link.dataset.ms = event.arrived - Date.parse(event.occurred); // from the event to the room
  link.append(time, " ", type, ` ${event.summary}`);
  item.append(link);
  list.prepend(item);
  byId("no-events").hidden = true;
  while (list.children.length > MOST_EVENTS) {
    seen.delete(list.lastElementChild.firstElementChild.dataset.id);
    list.lastElementChild.remove();
  }
  if (Date.now() - event.arrived < 5000) travel(event.hops); // older ones only fill the list
}

function trailOf(event) {
  const metadata = event.event.detail?.metadata ?? {};
  return `/room/trail/${encodeURIComponent(event.correlation || metadata.id || "-")}`;
}

list.addEventListener("click", click => {
  const link = click.target.closest("a"), event = link && seen.get(link.dataset.id);
  if (!event || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  byId("detail-title").textContent = `${event.type} ${event.summary}`;
  byId("detail-trail").href = trailOf(event);
  byId("detail-json").textContent = JSON.stringify(event.event, null, 2);
  byId("detail").hidden = false;
  byId("detail-title").focus();
});

// ---- dots

async function travel(hops) {
  for (const hop of hops) {
    const lines = hop.map(byId).filter(Boolean);
    if (lines.length) await Promise.all(lines.map(calm.matches ? light : move));
  }
}

function light(line) {
  line.classList.add("on");
  return new Promise(resolve => setTimeout(() => { line.classList.remove("on"); resolve(); }, HOP));
}

function move(line) {
  if (document.hidden || dots.children.length >= MOST_DOTS) return Promise.resolve();
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  const length = line.getTotalLength(), begun = performance.now();
  function place(part) {
    const at = line.getPointAtLength(part * length);
    dot.setAttribute("cx", at.x);
    dot.setAttribute("cy", at.y);
  }
  dot.setAttribute("r", 5);
  place(0);
  dots.append(dot);
  return new Promise(resolve => {
    function step(now) {
      const part = Math.min(Math.max(now - begun, 0) / HOP, 1);
      place(part);
      if (part < 1) return requestAnimationFrame(step);
      dot.remove();
      resolve();
    }
    requestAnimationFrame(step);
  });
}

// ---- buttons

function note(text) {
  const item = document.createElement("li"), time = document.createElement("time");
  time.textContent = new Date().toISOString().slice(11, 19);
  item.append(time, ` ${text}`);
  byId("done")?.prepend(item);
}

async function send(form, button) {
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {method: "POST", headers: {Accept: "application/json"}, redirect: "error"});
    const body = await answer.json();
    note(answer.ok ? body.said : `${button.ariaLabel ?? button.textContent}: ${body.detail}`);
    return answer.ok;
  } catch {
    note(`${button.ariaLabel ?? button.textContent}: the room does not answer.`);
    return false;
  } finally {
    button.disabled = false; // until the next state says otherwise
    button.focus({preventScroll: true});
  }
}

document.addEventListener("submit", async submit => {
  submit.preventDefault();
  const button = submit.submitter ?? submit.target.querySelector("button");
  startTour(button);
  await send(submit.target, button);
});

document.addEventListener("click", async click => {
  const button = click.target.closest("button.copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.command);
    note(`Copied: ${button.dataset.command}`);
  } catch {
    note(`Copy this yourself: ${button.dataset.command}`);
  }
  startTour(button);
});

// ---- the tour: each step is done when the counters say so

const steps = [...document.querySelectorAll("#tour li")];
const asked = at => steps[at].dataset.asked === "yes"; // whether the step's button was pressed
const stateOfConsumer = () => byId("process-ordering-consumer").textContent;
const finals = () => number("book-final");
const waiting = () => number("queue-order-waiting") + number("queue-order-flight");
const accepted = () => number("book-accepted");
let step = history.state?.tour ?? 0, finalBefore = null, acceptedBefore = null;
const done = { // in containers, the state of the consumer is not known
  confirmed: () => finals() > finalBefore,
  stopped: () => stateOfConsumer() === "stopped" || (asked(1) && !stateOfConsumer()),
  waiting: () => accepted() > acceptedBefore && waiting() > 0,
  drained: () => (stateOfConsumer() === "running" || asked(3)) && waiting() === 0,
  balanced: () => number("book-way") === 0 && number("book-lost") === 0,
};

function startTour(button) {
  const itsStep = button.closest("li[data-step]");
  if (itsStep) itsStep.dataset.asked = "yes";
}

function followTour() {
  if (!byId("book-final").textContent) return; // no count yet
  finalBefore ??= finals(); // of this page. A reload continues with the step that it showed.
  acceptedBefore ??= accepted();
  while (step < steps.length && done[steps[step].dataset.step]()) {
    step += 1;
    acceptedBefore = accepted();
    history.replaceState({tour: step % steps.length}, "");
  }
  steps.forEach((each, at) => {
    each.classList.toggle("ok", at < step);
    each.classList.toggle("now", at === step);
  });
}

pause.hidden = false;
listen();
