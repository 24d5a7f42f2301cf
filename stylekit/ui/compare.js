// Two pictures in one frame: the left one up to an edge that is dragged, or both in turn (Blink). Zoom and pan move both alike.
// What the strip is pointed at while this tab is open is what is on the right.
var stylekitPair = () => "";

function stylekitCompare(element, props, watch, compared) {
  const pair = element.querySelector(".pair");
  const images = { left: pair.querySelector(".left img"), right: pair.querySelector(".right img") };
  const choosers = { left: element.querySelector("[data-side=left]"), right: element.querySelector("[data-side=right]") };
  const chosen = { left: "photo", right: "painting" };
  let asked = props.value?.right ?? ""; // a pin's moment, which may not be on the timeline yet
  const view = { edge: 50, zoom: 1, x: 0, y: 0 };
  let branches = stylekitBranches(); // this tab is made when it is first opened
  stylekitPair = () => `${chosen.left} ${chosen.right}`;

  const words = () => document.querySelector("#compare-words").dataset;
  const said = (key, values = {}) => words()[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const moment = (name) => {
    const [number, step] = name.split(":").map(Number);
    return branches.find((branch) => branch.number === number)?.moments.find((other) => other.step === step);
  };
  const address = (name) => props.value?.[name] ?? moment(name)?.path ?? "";
  const label = (name) =>
    name in words() ? said(name) : said("at", { number: name.split(":")[0], step: name.split(":")[1], size: moment(name)?.size });

  const fill = () => {
    pair.ariaLabel = said("label");
    for (const part of element.querySelectorAll("[data-said]")) part.textContent = said(part.dataset.said);
    if (asked && moment(asked)) (chosen.right = asked), (asked = "");
    const ends = branches.map((branch) => `${branch.number}:${branch.moments.at(-1).step}`);
    for (const side of ["left", "right"]) {
      if (!address(chosen[side])) chosen[side] = side === "left" ? "photo" : "painting";
      const names = [...new Set(["photo", "painting", ...ends, chosen[side]])];
      choosers[side].replaceChildren(...names.map((name) => new Option(label(name), name, false, name === chosen[side])));
      const to = address(chosen[side]);
      if (to && images[side].getAttribute("src") !== to) images[side].src = to;
      images[side].alt = label(chosen[side]);
    }
  };

  const choose = (side, name) => {
    chosen[side] = name;
    fill();
    compared();
  };

  const arrange = () => {
    const least = -50 * (view.zoom - 1); // percent of the frame
    view.x = Math.min(-least, Math.max(least, view.x));
    view.y = Math.min(-least, Math.max(least, view.y));
    pair.style.setProperty("--edge", `${view.edge}%`);
    pair.style.setProperty("--move", `translate(${view.x}%, ${view.y}%) scale(${view.zoom})`);
    pair.classList.toggle("closer", view.zoom > 1);
    pair.ariaValueNow = Math.round(view.edge);
    pair.ariaValueText = `${Math.round(view.edge)} %`;
  };
  const zoom = (factor) => ((view.zoom = Math.min(12, Math.max(1, view.zoom * factor))), arrange());

  // one finger or the mouse moves the edge, or the picture where that is held away from it and enlarged; two fingers zoom
  const held = new Map();
  let moves = "";
  const spread = () => {
    const [one, other] = [...held.values()];
    return Math.hypot(one.x - other.x, one.y - other.y);
  };
  pair.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pair.setPointerCapture(event.pointerId);
    const box = pair.getBoundingClientRect();
    const atEdge = Math.abs(event.clientX - box.left - (box.width * view.edge) / 100) < 24;
    moves = view.zoom > 1 && !atEdge ? "picture" : "edge";
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (moves === "edge" && held.size === 1) (view.edge = (100 * (event.clientX - box.left)) / box.width), arrange();
  });
  pair.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const box = pair.getBoundingClientRect();
    const apart = held.size === 2 ? spread() : 0;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (apart) return zoom(spread() / apart);
    if (moves === "edge") view.edge = Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width));
    else (view.x += (100 * (event.clientX - before.x)) / box.width), (view.y += (100 * (event.clientY - before.y)) / box.height);
    arrange();
  });
  for (const ended of ["pointerup", "pointercancel"]) pair.addEventListener(ended, (event) => held.delete(event.pointerId));
  pair.addEventListener("dblclick", () => ((view.zoom = view.zoom > 1 ? 1 : 4), arrange()));
  pair.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // a pinch on a trackpad; without, the page is scrolled
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 200));
  }, { passive: false });
  pair.addEventListener("keydown", (event) => {
    const edge = { ArrowLeft: view.edge - 2, ArrowRight: view.edge + 2, Home: 0, End: 100 }[event.key];
    if (edge !== undefined) (view.edge = Math.min(100, Math.max(0, edge))), arrange();
    else if (event.key === "+") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else return;
    event.preventDefault();
  });

  let blinking = 0;
  const blink = (button) => {
    blinking = blinking ? clearInterval(blinking) : setInterval(() => pair.classList.toggle("right-alone"), 700);
    pair.classList.toggle("blinks", Boolean(blinking));
    button.ariaPressed = Boolean(blinking);
  };
  const tools = { blink, closer: () => zoom(1.5), farther: () => zoom(1 / 1.5) };
  element.addEventListener("click", ({ target }) => {
    tools[target.dataset.tool]?.(target);
    if (target.closest(".full")) element.closest("#compare").classList.toggle("fullscreen");
  });
  document.addEventListener("keydown", (event) => {
    const full = document.querySelector("#compare.fullscreen");
    if (event.key !== "Escape" || !full) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    full.classList.remove("fullscreen");
  }, true);

  for (const side of ["left", "right"]) choosers[side].addEventListener("change", ({ target }) => choose(side, target.value));
  document.addEventListener("stylekit-timeline", ({ detail }) => {
    const before = chosen.right;
    branches = detail;
    fill();
    if (chosen.right !== before) compared();
  });
  document.addEventListener("stylekit-look", ({ detail }) => {
    if (detail && pair.offsetParent) choose("right", `${detail.branch.number}:${detail.moment.step}`);
  });
  document.addEventListener("stylekit-language", fill);
  watch("value", () => ((asked = props.value?.right ?? ""), fill(), compared()));
  arrange();
  fill();
  if (chosen.right !== "painting") compared();
}
