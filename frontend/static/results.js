/* What makes the pages about variants more pleasant and is missed by nobody without JavaScript: buttons that copy, and a
   filter that is folded away where there is no room for it. */

if (navigator.clipboard) document.documentElement.classList.add("can-copy");

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy-text]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copyText);
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), 1500);
});

const box = document.querySelector(".filter-box");
if (box && matchMedia("(max-width: 60rem)").matches) box.open = false;

// A table is moved through by keyboard: the arrows go from row to row.
document.addEventListener("keydown", (event) => {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  const row = event.target.closest?.(".variants tbody tr");
  const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
  const link = next?.querySelector("a");
  if (!link) return;
  event.preventDefault();
  link.focus();
});
