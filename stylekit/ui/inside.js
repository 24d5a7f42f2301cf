// The tab Inside: enlarging and comparing the figure's pictures, reading Gram matrices channel by channel, the worked example.
(() => {
  const filled = (said, values) => said.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // ------------------------------------------------------------------ the figure: one picture large, another under the same curtain
  const enlarge = (button) => {
    const figure = button.closest(".inside-figure");
    const others = [
      ...figure.querySelectorAll(".enlarge"),
      ...[["#content", figure], ["#style", figure]].map(([place]) => document.querySelector(`${place} img`)).filter(Boolean),
    ];
    const words = document.querySelector("#inside-words").dataset;
    const dialog = document.createElement("dialog");
    dialog.className = "inside-large";
    dialog.setAttribute("aria-label", button.ariaLabel);
    const name = (other) => other.ariaLabel || (other.closest("#content") ? words.photo : words.artwork);
    const picture = (other) => (other.tagName === "IMG" ? other : other.querySelector("img")).src;
    dialog.innerHTML = `<p></p><div class="curtain"><img alt=""><img alt=""></div>
      <label><span></span><select></select></label>
      <input type="range" min="0" max="100" value="100"><button type="button"></button>`;
    const [first, second] = dialog.querySelectorAll("img");
    const [select, range, close] = ["select", "input", "button"].map((tag) => dialog.querySelector(tag));
    dialog.querySelector("p").textContent = button.ariaLabel;
    dialog.querySelector("label span").textContent = words.against;
    close.textContent = words.close;
    range.ariaLabel = words.divide;
    first.src = picture(button);
    const source = others.findIndex((other) => other.tagName === "IMG" && !!other.closest(button.dataset.of === "content" ? "#content" : "#style"));
    others.forEach((other, n) => select.add(new Option(name(other), n, n === source, n === source)));
    const show = () => {
      second.src = picture(others[select.value]);
      second.style.clipPath = `inset(0 0 0 ${range.value}%)`;
    };
    for (const control of [select, range]) control.addEventListener("input", show);
    select.addEventListener("input", () => ((range.value = 50), show()));
    show();
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => (dialog.remove(), button.focus()));
    document.querySelector(".gradio-container").append(dialog);
    dialog.showModal();
  };

  // ------------------------------------------------------------------------------------------------------------- Gram matrices
  const patch = (element, box, artwork, aspect) => {
    const [left, top, width, height] = box;
    const side = 72; // CSS pixels of the patch's longer side
    const scale = side / Math.max(width * aspect, height);
    element.style.cssText = `width:${width * aspect * scale}px;height:${height * scale}px;background-image:url("${artwork.src}");
      background-size:${aspect * scale}px ${scale}px;background-position:${-left * aspect * scale}px ${-top * scale}px`;
  };
  const point = (heat, column, row) => {
    const all = heat.closest(".inside-grams");
    const count = Number(heat.dataset.count);
    const at = (value) => Math.max(0, Math.min(count - 1, value));
    [column, row] = [at(column), at(row)];
    const boxes = JSON.parse(all.dataset.boxes);
    const values = [];
    for (const other of all.querySelectorAll(".heat")) {
      Object.assign(other.dataset, { column, row });
      const mark = other.querySelector("i");
      mark.style.cssText = `left:${(100 * (column + 0.5)) / count}%;top:${(100 * (row + 0.5)) / count}%`;
      if (other.dataset.values) values.push(`${other.dataset.name} ${JSON.parse(other.dataset.values)[row][column]}`);
    }
    const patches = all.querySelector(".patches");
    const artwork = patches.querySelector("img");
    [row, column].forEach((channel, n) => patch(patches.querySelectorAll(".patch")[n], boxes[channel], artwork, Number(all.dataset.aspect)));
    patches.hidden = false;
    all.parentElement.querySelector(".pair").textContent = filled(all.dataset.said, { a: row, b: column, values: values.join(", ") || "–" });
  };
  document.addEventListener("pointermove", (event) => {
    const heat = event.target.closest?.(".heat");
    if (!heat) return;
    const box = heat.getBoundingClientRect();
    const place = (offset, size) => Math.floor((offset / size) * heat.dataset.count);
    point(heat, place(event.clientX - box.left, box.width), place(event.clientY - box.top, box.height));
  });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", (event) => {
    const heat = event.target.closest?.(".heat");
    if (!heat || !moves[event.key]) return;
    event.preventDefault();
    const [right, down] = moves[event.key];
    const begun = "column" in heat.dataset;
    point(heat, Number(heat.dataset.column ?? 0) + (begun ? right : 0), Number(heat.dataset.row ?? 0) + (begun ? down : 0));
  });

  // --------------------------------------------------------------------------------------------------------- the worked example
  const explain = (cell) => {
    const all = cell.closest(".inside-worked");
    const row = (n) => [...all.querySelectorAll(".features tr")[n].querySelectorAll("td")].map((other) => other.textContent);
    const [a, b] = [Number(cell.dataset.a), Number(cell.dataset.b)];
    for (const other of all.querySelectorAll("tr.used, td.used")) other.classList.remove("used");
    for (const n of [a, b]) all.querySelectorAll(".features tr")[n].classList.add("used");
    cell.classList.add("used");
    const second = row(b);
    const terms = row(a).map((value, n) => `${value}·${second[n]}`);
    const channel = (n) => all.querySelectorAll(".gram th")[n].textContent;
    const said = { a: channel(a), b: channel(b), terms: `${terms.slice(0, 3).join(" + ")} + … + ${terms.at(-1)}`, sum: cell.textContent };
    all.parentElement.querySelector(".pair").textContent = filled(all.dataset.said, said);
  };
  for (const kind of ["pointerover", "focusin"])
    document.addEventListener(kind, ({ target }) => {
      const cell = target.closest?.(".inside-worked .gram td");
      if (cell) explain(cell);
    });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(".inside-figure .enlarge");
    if (button) return enlarge(button);
    const pull = target.closest?.(".inside-pulls .pull");
    if (pull) showPull((chosen = pull.title));
  });

  // The term whose map is shown stays so while the bars follow a run.
  let chosen = "";
  const showPull = (title) => {
    const all = [...document.querySelectorAll(".inside-pulls .pull")];
    const pull = all.find((other) => other.title === title) ?? all[0];
    for (const other of all) {
      other.ariaPressed = String(other === pull);
      other.nextElementSibling.hidden = other !== pull;
    }
  };
  new MutationObserver((changes) => {
    if (chosen && changes.some(({ target }) => target.closest?.("#inside-pulls"))) showPull(chosen);
  }).observe(document, { childList: true, subtree: true });
})();
