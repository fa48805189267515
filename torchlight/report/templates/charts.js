// Draws the curves in the colours of the page's scheme, and again when that changes; checkboxes hide and show lines.
(() => {
  const figures = JSON.parse(document.getElementById('chart-data').textContent);
  const boxes = [...document.querySelectorAll('#series input')];
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let views = [];

  function show(box) {
    for (const view of views)
      for (const root of view.roots)
        for (const renderer of root.model.renderers ?? [])  // Bokeh's own notifications are a root without lines
          if (renderer.name === box.value) renderer.visible = box.checked;
  }

  async function draw() {
    for (const view of views) view.clear();
    views = [];
    for (const [place, item] of figures[dark.matches ? 'dark' : 'light'].entries()) {
      const element = document.getElementById(`chart-${place}`);
      element.replaceChildren();
      views.push(await Bokeh.embed.embed_item(structuredClone(item), element));
    }
    boxes.forEach(show);
    document.documentElement.dataset.charts = 'drawn';
  }

  for (const box of boxes) box.addEventListener('change', () => show(box));
  dark.addEventListener('change', draw);
  draw();
})();
