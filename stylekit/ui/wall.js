// The wall: its key lies in this browser and nowhere else; what is pressed on it goes to ui/wall.py, files come by a form.
function stylekitWallKey(make) {
  try {
    const word = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (make) {
      localStorage["stylekit-wall"] ??= word();
      navigator.storage?.persist?.(); // or Safari forgets it after a week
    }
    return localStorage["stylekit-wall"] ?? "";
  } catch {
    return ""; // storage is forbidden: then there is no wall
  }
}

function stylekitHang(element, trigger, events) {
  const known = ["select", "delete", "clear", ...events];
  const save = (pin) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: "wall", target: "stylekit-download", hidden: true });
    for (const [name, value] of Object.entries({ key: stylekitWallKey(false), pin })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    if (!document.querySelector("[name=stylekit-download]")) {
      document.body.append(Object.assign(document.createElement("iframe"), { name: "stylekit-download", hidden: true }));
    }
    document.body.append(form);
    form.submit();
    form.remove();
  };

  // What cannot be undone is asked for twice.
  const sure = (button) => {
    if (!button.dataset.sure || button.dataset.asked) return true;
    [button.dataset.asked, button.textContent] = [button.textContent, button.dataset.sure];
    const back = () => {
      if (button.dataset.asked) button.textContent = button.dataset.asked;
      delete button.dataset.asked;
    };
    button.addEventListener("blur", back, { once: true });
    setTimeout(back, 5000);
    return false;
  };

  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button || !sure(button)) return;
    const pin = button.closest("[data-pin]")?.dataset.pin ?? "";
    if (button.dataset.do === "save") return save(pin);
    if (!known.includes(button.dataset.do)) return;
    trigger(button.dataset.do, { key: stylekitWallKey(false), pin });
    if (button.dataset.do === "select") document.querySelector("#views [role=tab]").click();
    if (button.dataset.do === "compare") document.querySelectorAll("#views [role=tab]")[1].click();
  });
}
