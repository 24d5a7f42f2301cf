// The strip under the canvas: one row per branch, each picture where its step lies on the axis of the losses. Whoever points at a
// row, or moves along it by arrow keys, looks back: the picture lies over the canvas, where the run goes on unseen; marks on the
// sliders say where they were; Escape or "Back to live" ends it.
var stylekitMoment = () => "";
var stylekitBranches = () => [];

function stylekitTimeline(element, props, trigger, watch, events) {
  const strip = element.querySelector(".strip");
  const plot = () => document.querySelector("#plot");
  const figure = () => document.querySelector("#then figure");
  const rows = new Map(); // a branch's number: its row
  let looking = null; // {branch, moment}
  stylekitMoment = () => (looking ? `${looking.branch.number}:${looking.moment.step}` : "");

  const timeline = () => props.value || { span: 1, branches: [], weights: [] };
  stylekitBranches = () => timeline().branches;
  const said = (key, values = {}) => props.said[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const place = (step) => (100 * step) / timeline().span;

  const losses = (moment) =>
    Object.entries(moment.losses).map(([name, loss]) => `${said(name)} ${loss}`).join(" · ");
  const told = (branch, moment) =>
    [said("at", { number: branch.number, step: moment.step, size: moment.size }), losses(moment)].filter(Boolean).join(" · ");

  // ---------------------------------------------------------------------------------------------------- the rows

  const newRow = (number) => {
    const row = document.createElement("div");
    row.className = "branch";
    row.tabIndex = 0;
    row.dataset.number = number;
    row.setAttribute("role", "slider");
    row.innerHTML = '<div class="cells"></div><i class="cursor"></i><span class="name"></span>';
    return row;
  };

  // A picture takes the room between the step of the one before and its own; one that is alone, a little.
  const fill = (row, moments) => {
    const cells = row.querySelector(".cells");
    const there = new Map([...cells.children].map((cell) => [cell.dataset.path, cell]));
    const before = (n) => (n ? moments[n - 1].step : Math.max(0, moments[0].step - timeline().span / 20));
    moments.forEach((moment, n) => {
      if (!n && moments.length > 1) return;
      const cell = there.get(moment.thumbnail) ?? document.createElement("i");
      there.delete(moment.thumbnail);
      if (!cell.dataset.path) {
        cell.dataset.path = moment.thumbnail;
        cell.style.backgroundImage = `url("${moment.thumbnail}")`;
      }
      cell.style.left = `${place(before(n))}%`;
      cell.style.width = `${place(moment.step - before(n))}%`;
      cells.append(cell);
    });
    for (const cell of there.values()) cell.remove();
  };

  const draw = () => {
    strip.ariaLabel = said("label");
    const { branches } = timeline();
    const most = branches.filter(({ moments }) => moments.at(-1).step > moments[0].step || (moments.length === 1 && moments[0].step));
    for (const [number, row] of rows)
      if (!most.some((branch) => branch.number === number)) rows.delete(number), row.remove();
    for (const branch of most) {
      if (!rows.has(branch.number)) rows.set(branch.number, newRow(branch.number));
      const row = rows.get(branch.number);
      if (strip.children[most.indexOf(branch)] !== row) strip.insertBefore(row, strip.children[most.indexOf(branch)] ?? null);
      row.classList.toggle("current", branch.current);
      row.classList.toggle("running", branch.running);
      const from = branch.origin ? said("origin", { number: branch.origin[0], step: branch.origin[1] }) : "";
      row.querySelector(".name").textContent = from ? `${branch.number} ← ${branch.origin[0]}` : branch.number;
      row.title = row.ariaLabel = `${said("branch", { number: branch.number })} ${from}`.trim();
      fill(row, branch.moments);
      tell(row, branch, looking?.branch.number === branch.number ? looking.moment : branch.moments.at(-1));
    }
    document.documentElement.style.setProperty("--rows", most.length);
    document.dispatchEvent(new CustomEvent("stylekit-timeline", { detail: timeline().branches }));
    element.classList.toggle("there", most.length > 0);
    if (looking) {
      const branch = branches.find((other) => other.number === looking.branch.number);
      const moment = branch?.moments.find((other) => other.step === looking.moment.step);
      moment ? look(branch, moment) : live();
    }
  };

  const tell = (row, branch, moment) => {
    row.ariaValueMin = branch.moments[0].step;
    row.ariaValueMax = branch.moments.at(-1).step;
    row.ariaValueNow = moment.step;
    row.ariaValueText = told(branch, moment);
  };

  // ---------------------------------------------------------------------------------------------------- looking back

  // On each slider that was elsewhere, where it was.
  const mark = (weights) => {
    for (const dial of document.querySelectorAll(".dial.then")) dial.classList.remove("then");
    for (const [key, value] of Object.entries(weights ?? {})) {
      const id = key.startsWith("layer_weights.") ? key.slice(14) : key.replace(".", "-");
      const dial = document.getElementById(`set-${id}`);
      const slider = dial?.querySelector("input[type=range]");
      if (!slider) continue;
      const [least, most] = [Number(slider.min), Number(slider.max)];
      if (Math.abs(value - slider.value) < 1e-6 * most) continue;
      dial.style.setProperty("--then", Math.min(1, Math.max(0, (value - least) / (most - least))));
      dial.style.setProperty("--then-value", `"← ${Number(value.toPrecision(3))}"`);
      dial.classList.add("then");
    }
  };

  const fetchNear = (branch, moment) => {
    const at = branch.moments.indexOf(moment);
    for (const other of branch.moments.slice(Math.max(0, at - 2), at + 3)) new Image().src = other.path;
  };

  const look = (branch, moment) => {
    const changed = looking?.moment.path !== moment.path;
    looking = { branch, moment };
    const at = place(moment.step);
    for (const [number, row] of rows) {
      row.classList.toggle("looked-at", number === branch.number);
      row.style.setProperty("--at", at);
    }
    tell(rows.get(branch.number), branch, moment);
    element.classList.add("looking");
    plot()?.style.setProperty("--at", at);
    plot()?.classList.add("looking");
    if (!changed) return;
    mark(timeline().weights[moment.weights]);
    document.dispatchEvent(new CustomEvent("stylekit-look", { detail: { branch, moment, told: told(branch, moment) } }));
    show(branch, moment);
  };

  // The thumbnail at once, for it is there already; the picture itself when it has come.
  const show = (branch, moment) => {
    const shown = figure();
    if (!shown) return;
    const image = shown.querySelector("img");
    const canvas = document.querySelector("#canvas");
    image.src = moment.thumbnail;
    const full = new Image();
    full.onload = () => looking?.moment.path === moment.path && (image.src = full.src);
    full.src = moment.path;
    fetchNear(branch, moment);
    image.alt = told(branch, moment);
    shown.querySelector(".said").textContent = told(branch, moment);
    const link = shown.querySelector("a");
    [link.href, link.download] = [moment.path, `stylekit-${branch.number}-${moment.step}.${moment.path.split(".").pop()}`];
    shown.hidden = false;
    const elsewhere = canvas && !canvas.offsetParent && !document.querySelector("#comparing")?.offsetParent;
    if (elsewhere) document.querySelector("#views [role=tab]")?.click();
  };

  const live = () => {
    looking = null;
    mark(null);
    element.classList.remove("looking");
    plot()?.classList.remove("looking");
    for (const row of rows.values()) row.classList.remove("looked-at");
    if (figure()) figure().hidden = true;
    document.dispatchEvent(new CustomEvent("stylekit-look", { detail: null }));
  };

  const branchOf = (row) => timeline().branches.find((branch) => branch.number === Number(row.dataset.number));

  const lookAt = (row, x) => {
    const box = row.querySelector(".cells").getBoundingClientRect();
    const step = ((x - box.left) / box.width) * timeline().span;
    const branch = branchOf(row);
    if (branch) look(branch, branch.moments.find((moment) => moment.step >= step) ?? branch.moments.at(-1));
  };

  // ---------------------------------------------------------------------------------------------------- hands

  strip.addEventListener("pointerdown", (event) => {
    const row = event.target.closest(".branch");
    if (!row || event.button) return;
    row.setPointerCapture(event.pointerId);
    row.focus({ preventScroll: true });
    figure()?.classList.add("moving");
    lookAt(row, event.clientX);
  });
  strip.addEventListener("pointermove", (event) => {
    const row = event.target.closest(".branch");
    if (row?.hasPointerCapture(event.pointerId)) lookAt(row, event.clientX);
  });

  for (const ended of ["pointerup", "pointercancel"]) strip.addEventListener(ended, () => figure()?.classList.remove("moving"));

  const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity };
  strip.addEventListener("keydown", (event) => {
    const row = event.target.closest(".branch");
    if (!row || !(event.key in moves)) return;
    event.preventDefault();
    const { moments } = branchOf(row);
    const here = looking?.branch.number === Number(row.dataset.number);
    const at = here ? moments.findIndex((moment) => moment.step === looking.moment.step) : moments.length - 1;
    look(branchOf(row), moments[Math.min(moments.length - 1, Math.max(0, at + moves[event.key]))]);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !looking || document.querySelector(".block.fullscreen")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    live();
  }, true);

  document.addEventListener("click", (event) => {
    const asked = event.target.closest("#then [data-event]")?.dataset.event;
    if (asked === "live") return live();
    if (!asked || !looking || !events.includes(asked)) return;
    trigger(asked);
    if (asked === "paint_on") setTimeout(live, 0); // when the event has read what is looked at
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#paint, #continue")) live();
  });

  document.addEventListener("input", () => looking && mark(timeline().weights[looking.moment.weights]));

  watch(["value", "said"], draw);
  draw();
}
