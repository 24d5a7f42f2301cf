// A picture or recipe that is dropped anywhere but on an upload field goes to "Bring settings back".
var numberBefore = null; // what the number field that was left last had when it was entered
// The word that this tab is known by, until it is closed: a page that is loaded anew finds its work again.
function stylekitToken() {
  try {
    const word = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return (sessionStorage.stylekit ??= word());
  } catch {
    return ""; // storage is forbidden: then nothing is found again
  }
}

(() => {
  const target = () => document.querySelector("#dials > input[type=file]");
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const elsewhere = (event) => !event.target.closest("#content, #style, .small, #masks");

  // Where a browser does not know HEIC, an iPhone's photo has no type, and Gradio would refuse it.
  const untyped = (file) => !file.type && /\.hei[cf]$/i.test(file.name);
  const typed = (files) => {
    const all = new DataTransfer();
    for (const file of files) all.items.add(untyped(file) ? new File([file], file.name, { type: "image/heic" }) : file);
    return all;
  };
  const first = { capture: true };
  const someUntyped = (files) => [...(files ?? [])].some(untyped);
  document.addEventListener("change", ({ target }) => {
    if (target.type === "file" && someUntyped(target.files)) target.files = typed(target.files).files;
  }, first);
  document.addEventListener("drop", (event) => {
    if (!someUntyped(event.dataTransfer?.files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dataTransfer = typed(event.dataTransfer.files);
    event.target.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
  }, first);

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || !elsewhere(event)) return document.body.classList.remove("dropping");
    event.preventDefault();
    document.body.dataset.drop = document.querySelector("#masthead header")?.dataset.drop ?? "";
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFiles(event) || !elsewhere(event) || !target()) return;
    event.preventDefault();
    target().files = event.dataTransfer.files;
    target().dispatchEvent(new Event("change", { bubbles: true }));
  });

  // A number field that is left empty takes back what it had. Gradio would make an empty field of a slider 0 and take the
  // slider's end for what lies beyond it; so its handler is not told, but for the release that it makes of a pointer's.
  document.addEventListener("focusin", ({ target }) => {
    if (target.type === "number") target.dataset.before = target.value;
  });
  document.addEventListener(
    "blur",
    (event) => {
      const field = event.target;
      if (field.type !== "number") return;
      numberBefore = Number(field.dataset.before);
      if (field.value === "") {
        field.value = field.dataset.before;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      const slider = field.closest(".dial")?.querySelector("input[type=range]");
      if (!slider) return;
      event.stopPropagation();
      slider.value = field.value;
      field.dispatchEvent(new Event("pointerup", { bubbles: true }));
    },
    true,
  );

  // Gradio's sample thumbnails have no names of their own for screen readers.
  const nameSamples = () => {
    for (const button of document.querySelectorAll("[id^=samples] .gallery-item")) {
      const file = button.querySelector("img")?.src.split("/").pop();
      if (file && !button.ariaLabel) button.ariaLabel = decodeURIComponent(file).replace(/\.\w+$/, "").replaceAll("-", " ");
    }
  };

  // Nor have the colours of a mask editor's brush: the legend above it says what they mean.
  const nameColours = () => {
    for (const swatches of document.querySelectorAll(".drawing menu.swatch")) {
      const meanings = swatches.closest("[role=tabpanel]").querySelectorAll(".meaning");
      [...swatches.querySelectorAll("button")].forEach((button, n) => (button.ariaLabel = button.title = meanings[n]?.textContent ?? ""));
    }
  };

  // What is on the canvas, beside and above itself, live too.
  const showTiled = () => {
    const tiled = document.querySelector("#tiled");
    const picture = document.querySelector("#canvas img");
    if (!tiled || !picture) return;
    const show = () => {
      tiled.style.backgroundImage = `url("${picture.src}")`;
      tiled.style.setProperty("--aspect", picture.naturalWidth / picture.naturalHeight);
    };
    if (picture.complete && picture.naturalWidth) show();
    else picture.addEventListener("load", show, { once: true });
  };

  new MutationObserver(() => (nameSamples(), nameColours(), showTiled())).observe(document, { childList: true, subtree: true, attributeFilter: ["src"] });

  // Whoever presses Paint beside the masks wants to see the picture form.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#paint, #continue") && document.querySelector("#masks")?.offsetParent)
      document.querySelector("#views [role=tab]").click();
  });
})();
