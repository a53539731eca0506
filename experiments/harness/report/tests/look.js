// What a reader would find wrong with the page as it stands now: a list of [what, where].
const faults = [];
const fault = (what, where) => faults.push([what, where]);
const luminance = (colour) => {
  const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const contrast = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const paper = getComputedStyle(document.body).backgroundColor;
const LEGIBLE = 4.5, DISTINCT = 1.5;    // Contrast of letters (WCAG 2.1, 1.4.3), and of what is merely to be seen.
const SMALLEST = 0.8;                   // Letters are drawn ten pixels high; on the page they may be a fifth smaller.
const TOLERANCE = 1.0;

if (document.documentElement.scrollWidth > innerWidth)
  fault("the page overflows", `${document.documentElement.scrollWidth} of ${innerWidth}`);
for (const element of document.querySelectorAll("body *:not(svg, svg *)")) {
  const box = element.getBoundingClientRect();
  const scrolls = element.parentElement.closest(".scroll");
  if (!scrolls && box.width > 0 && (box.right > innerWidth + TOLERANCE || box.left < -TOLERANCE))
    fault("an element sticks out of the page", `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
}
for (const box of document.querySelectorAll(".scroll"))
  if (getComputedStyle(box).overflowX !== "auto") fault("a table's box does not scroll", box.getAttribute("aria-label"));

const shown = {};
for (const figure of document.querySelectorAll("figure")) {
  const stem = figure.dataset.figure, box = figure.getBoundingClientRect();
  const pictures = [...figure.querySelectorAll("svg")].filter((svg) =>
    svg.checkVisibility({opacityProperty: true, visibilityProperty: true}) &&
    svg.getBoundingClientRect().width > 0 && svg.getBoundingClientRect().height > 0);
  shown[stem] = pictures.length;
  if (!figure.querySelector("[role=img]")?.getAttribute("aria-label")) fault("a figure without words", stem);
  if (!figure.querySelector("figcaption")?.textContent.trim()) fault("a figure without a caption", stem);
  for (const svg of pictures) {
    const edge = svg.getBoundingClientRect();
    if (edge.right > box.right + TOLERANCE || edge.left < box.left - TOLERANCE) fault("a figure is wider than its box", stem);
    if (edge.width / svg.viewBox.baseVal.width < SMALLEST) fault("a figure's letters are too small", stem);
    const inside = (part) => part.left >= edge.left - TOLERANCE && part.right <= edge.right + TOLERANCE &&
                             part.top >= edge.top - TOLERANCE && part.bottom <= edge.bottom + TOLERANCE;
    const words = [...svg.querySelectorAll('g[id*="-text_"]')];
    const boxes = words.map((word) => word.getBoundingClientRect());
    const marks = [...svg.querySelectorAll("path, use, rect")].filter((mark) => !mark.closest("defs"));
    if (!words.length) fault("a figure without letters", stem);
    if (!marks.some((mark) => !mark.closest('g[id*="-text_"]') && mark.getBoundingClientRect().height > 4)) fault("a figure without marks", stem);
    words.forEach((word, index) => {
      if (!inside(boxes[index])) fault("letters outside of their figure", `${stem} ${word.id}`);
      const letter = word.querySelector("use, path");
      if (letter && contrast(getComputedStyle(letter).fill, paper) < LEGIBLE) fault("letters hard to tell from the paper", `${stem} ${word.id}`);
      for (let other = 0; other < index; other++) {
        const wide = Math.min(boxes[index].right, boxes[other].right) - Math.max(boxes[index].left, boxes[other].left);
        const high = Math.min(boxes[index].bottom, boxes[other].bottom) - Math.max(boxes[index].top, boxes[other].top);
        if (wide > TOLERANCE && high > 2 * TOLERANCE) fault("letters upon letters", `${stem} ${words[other].id} ${word.id}`);
      }
    });
    for (const mark of marks) {
      if (!inside(mark.getBoundingClientRect())) fault("a mark outside of its figure", `${stem} ${mark.parentElement.id}`);
      const fill = getComputedStyle(mark).fill;
      if (fill.startsWith("rgb(") && contrast(fill, paper) < DISTINCT) fault("a mark like the paper", `${stem} ${mark.parentElement.id}`);
    }
  }
}
for (const row of document.querySelectorAll("table.beside tbody tr")) {
  const certainty = row.querySelector(".certainty");
  if (!certainty || !certainty.textContent.trim() || !certainty.checkVisibility()) fault("a paper's value without its certainty", row.textContent);
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id).sort();
for (const id of new Set(ids.filter((id, index) => ids[index - 1] === id))) fault("two things of one id", id);
for (const link of document.querySelectorAll('a[href^="#"], use')) {
  const target = link.getAttribute("href").slice(1);
  if (!document.getElementById(target)) fault("a link to nowhere", target);
}
if (!document.documentElement.lang) fault("a page without a language", "html");
if (!document.querySelector('meta[name="viewport"]')) fault("a page without a viewport", "head");
return {faults, shown};
