"use strict";
// The arrow keys on a timeline: left and right in order, up and down between lanes.
for (const drawing of document.querySelectorAll(".timeline svg")) {
  const marks = [...drawing.querySelectorAll(".mark")];
  const details = document.getElementById("event");
  const lane = (mark) => Number(mark.dataset.lane);
  const select = (mark, moves) => {
    for (const other of marks) other.setAttribute("tabindex", "-1");
    mark.setAttribute("tabindex", "0");
    details.textContent = mark.querySelector("title").textContent;
    if (!moves) return;
    mark.focus({ preventScroll: true });
    mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const nearest = (from, step) => {
    const lanes = [...new Set(marks.map(lane))].sort((a, b) => a - b);
    const target = lanes[lanes.indexOf(lane(from)) + step];
    const place = marks.indexOf(from);
    const distance = (mark) => Math.abs(marks.indexOf(mark) - place);
    return marks.filter((mark) => lane(mark) === target)
      .reduce((best, mark) => (best && distance(best) <= distance(mark) ? best : mark), undefined);
  };
  const next = (mark, key) => {
    const place = marks.indexOf(mark);
    if (key === "ArrowRight") return marks[place + 1];
    if (key === "ArrowLeft") return marks[place - 1];
    if (key === "ArrowUp") return nearest(mark, -1);
    if (key === "ArrowDown") return nearest(mark, 1);
    if (key === "Home") return marks[0];
    if (key === "End") return marks[marks.length - 1];
    return undefined;
  };
  drawing.addEventListener("keydown", (event) => {
    const mark = event.target.closest(".mark");
    const target = mark && next(mark, event.key);
    if (target === undefined) return;
    event.preventDefault();
    select(target, true);
  });
  drawing.addEventListener("click", (event) => {
    const mark = event.target.closest(".mark");
    if (mark) select(mark, true);
  });
  if (marks.length > 0) marks[0].setAttribute("tabindex", "0");
}
// A field that hides the rows of its table that do not have the typed words.
for (const filtered of document.querySelectorAll(".filtered")) {
  const [label, input, count] = ["label", "input", "output"].map((name) => filtered.querySelector(name));
  const rows = [...filtered.querySelectorAll("tbody tr")];
  label.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  });
}
// A slider over commits: it shows the boxes that were live then.
for (const slider of document.querySelectorAll(".slider")) {
  const [label, input, output] = ["label", "input", "output"].map((name) => slider.querySelector(name));
  const commits = slider.dataset.commits.split(" ").map(Number);
  const boxes = [...document.querySelectorAll(".segment")].map((box) => ({
    box, half: box.classList.contains("rule") ? 0 : 1, from: Number(box.dataset.from), until: Number(box.dataset.until ?? Infinity),
  }));
  const show = () => {
    const commit = commits[input.value];
    const live = [0, 0];
    for (const { box, half, from, until } of boxes) {
      const isLive = from <= commit && commit < until;
      box.classList.toggle("off", !isLive);
      live[half] += isLive ? 1 : 0;
    }
    output.textContent = `commit ${commit}: live segments ${live[0]} by the rule, ${live[1]} of the engine`;
    input.setAttribute("aria-valuetext", `commit ${commit}`);
  };
  label.hidden = false;
  input.addEventListener("input", show);
  show();
}
