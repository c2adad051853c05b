import { roundTimes } from "./swimlanes.ts";

/**
 * The page's script: times on hover, and zoom for long runs. Everything is there without it; the drawing's own titles then
 * show on hover.
 */
export const script = `
"use strict";
(() => {
  const round = ${JSON.stringify(roundTimes)};
  const tip = document.getElementById("tip");
  const seconds = (ms) => ms < 60000 ? (ms / 1000).toFixed(1) + " s"
    : Math.floor(ms / 60000) + ":" + ((ms % 60000) / 1000).toFixed(1).padStart(4, "0") + " min";
  const tick = (ms) => ms < 120000 ? ms / 1000 + " s" : +(ms / 60000).toFixed(2) + " min";
  for (const title of document.querySelectorAll("svg.drawing title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  for (const svg of document.querySelectorAll("svg.drawing")) {
    const end = Number(svg.dataset.end), scroll = svg.parentNode, run = svg.closest(".run");
    const cursor = svg.querySelector(".cursor"), grid = svg.querySelector(".grid");
    const height = svg.getAttribute("height");
    let zoom = 1;
    const drawGrid = () => {
      const step = round.find((ms) => ms >= end / 10 / zoom) ?? round.at(-1);
      let lines = "";
      for (let at = 0; at <= end; at += step) {
        const x = (100 * at / end) + "%";
        lines += '<line x1="' + x + '" x2="' + x + '" y1="18" y2="' + height + '"/>' + (at > end * (1 - 0.04 / zoom) ? "" : '<text x="' + x + '" y="13" dx="2">' + tick(at) + "</text>");
      }
      grid.innerHTML = lines;
    };
    const setZoom = (next, centre) => {
      const before = scroll.scrollWidth, at = (scroll.scrollLeft + centre) / before;
      zoom = Math.min(64, Math.max(1, next));
      svg.style.width = 100 * zoom + "%";
      drawGrid();
      scroll.scrollLeft = at * scroll.scrollWidth - centre;
    };
    run.querySelector(".zoom").hidden = false;
    for (const button of run.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const factor = Number(button.dataset.zoom);
        setZoom(factor === 0 ? 1 : zoom * factor, scroll.clientWidth / 2);
      });
    }
    scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      setZoom(zoom * (event.deltaY < 0 ? 1.25 : 0.8), event.clientX - scroll.getBoundingClientRect().left);
    }, { passive: false });
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), x = event.clientX - box.left;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      const about = event.target.closest("[data-tip]");
      tip.textContent = seconds(end * x / box.width) + (about ? "\\n" + about.dataset.tip : "");
      tip.style.display = "block";
      const left = event.clientX + 14 + tip.offsetWidth > innerWidth ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14;
      tip.style.left = Math.max(4, left) + "px";
      tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 6) + "px";
    });
    svg.addEventListener("pointerleave", () => {
      tip.style.display = "none";
      cursor.setAttribute("x1", -1);
      cursor.setAttribute("x2", -1);
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
`;
