// Shows the steps of an open order as they happen. Without this script, the page reloads itself every two seconds.
const live = document.getElementById("live"), rest = document.getElementById("rest");
const FIRST = 250, LONGEST = 2000; // milliseconds between two questions

async function ask(path) {
  const answer = await fetch(path, {redirect: "error"});
  if (!answer.ok) throw new Error(answer.status);
  return (await answer.text()).trim();
}

async function show(steps) {
  if (!rest.firstElementChild) { // it is placed now, and has lines
    const page = new DOMParser().parseFromString(await ask(location.href), "text/html");
    rest.replaceChildren(...page.getElementById("rest").children);
  }
  live.innerHTML = steps;
  document.getElementById("cancel").hidden = !live.querySelector("[data-cancel=yes]");
}

async function follow() {
  let pause = FIRST, shown = live.innerHTML.trim();
  while (live.querySelector("[data-open=yes]")) {
    await new Promise(resolve => setTimeout(resolve, pause));
    if (document.hidden) continue;
    try {
      const steps = await ask(live.dataset.from);
      pause = steps === shown ? Math.min(pause * 1.3, LONGEST) : FIRST;
      if (steps !== shown) await show(steps);
      shown = steps;
    } catch {
      pause = LONGEST; // the shop does not answer: go on asking
    }
  }
}

follow();
