// Shows the steps of an open order as they happen. Without this script, the page reloads itself every two seconds.
const live = document.getElementById("live");
const FIRST = 250, LONGEST = 2000; // milliseconds between two questions

async function ask() {
  const answer = await fetch(live.dataset.from, {redirect: "error"});
  if (!answer.ok) throw new Error(answer.status);
  return (await answer.text()).trim();
}

function show(steps) {
  live.innerHTML = steps;
  const cancel = document.getElementById("cancel");
  if (!cancel) return location.reload(); // it is placed now, and has lines
  cancel.hidden = !live.querySelector("[data-cancel=yes]");
}

async function follow() {
  let pause = FIRST, shown = live.innerHTML.trim();
  while (live.querySelector("[data-open=yes]")) {
    await new Promise(resolve => setTimeout(resolve, pause));
    if (document.hidden) continue;
    try {
      const steps = await ask();
      pause = steps === shown ? Math.min(pause * 1.3, LONGEST) : FIRST;
      if (steps !== shown) show(shown = steps);
    } catch {
      pause = LONGEST; // the shop does not answer: go on asking
    }
  }
}

follow();
