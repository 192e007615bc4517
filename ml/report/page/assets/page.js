"use strict";
(function () {
  const theme = JSON.parse(document.getElementById("theme").textContent);
  // Nothing may be loaded, whatever a chart asks for.
  const refuse = () => Promise.reject(new Error("a chart asked for something outside the page"));
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    // Expressions are interpreted, not compiled: the page's policy forbids eval.
    ast: true,
    actions: false,
    config: theme,
    tooltip: { theme: "cross-sell" },
    loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse },
  };
  const drawn = Array.from(document.querySelectorAll("script.spec")).map((script) => {
    const figure = document.getElementById(script.dataset.chart);
    // Vega would overwrite the figure's own description.
    const drawing = document.createElement("div");
    drawing.className = "drawing";
    figure.replaceChildren(drawing);
    return vegaEmbed(drawing, JSON.parse(script.textContent), options).then(
      (result) => { figure.dataset.drawn = "true"; return result; },
      (error) => { figure.textContent = "This chart could not be drawn; see the table below."; console.error(figure.id, error); }
    );
  });
  window.charts = Promise.all(drawn).then((charts) => charts.length);

  const links = new Map(
    Array.from(document.querySelectorAll("nav a")).map((a) => [a.hash.slice(1), a])
  );
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const section of document.querySelectorAll("main > section")) seen.observe(section);
})();
