/* What makes operators' pages more pleasant and is missed by nobody without JavaScript: a box that ticks all, the number
   of what is ticked, and a word when the overview has stopped following. */

const STALE = 35_000; // ms: three refreshes that did not come

const boxes = [...document.querySelectorAll('.op-letters input[name="letter"]')];
if (boxes.length) {
  const all = document.createElement("input");
  all.type = "checkbox";
  all.ariaLabel = "Choose all shown";
  document.querySelector(".op-letters thead .op-tick").replaceChildren(all);
  const number = document.getElementById("picked-number");
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    number.textContent = `(${ticked})`;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && !all.checked;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      document.querySelector('input[name="scope"][value="picked"]').checked = true;
      count();
    });
  }
  window.addEventListener("pageshow", count);
  count();
}

const stale = document.getElementById("stale");
if (stale) {
  let seen = performance.now();
  document.addEventListener("htmx:after:swap", () => {
    seen = performance.now();
    stale.hidden = true;
  });
  setInterval(() => (stale.hidden = performance.now() - seen < STALE), 5000);
}
