// The lowest contrast of the page's texts, and those of its lines, against what is behind them, as WCAG 2 defines it.
() => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => rgba(colour).slice(0, 3)
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, channel) => sum + value * [0.2126, 0.7152, 0.0722][channel], 0);
  const behind = (element) => {
    if (!element) return 'white';
    const colour = getComputedStyle(element).backgroundColor;
    return rgba(colour)[3] ? colour : behind(element.parentElement);
  };
  const contrast = (...colours) => {
    const [darker, lighter] = colours.map(luminance).sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.getClientRects().length);
  const own = (element) => contrast(getComputedStyle(element).color, behind(element));
  const texts = all('h1, h2, p, a, th, td, dt, dd, summary, label, legend, button, caption, figcaption span, li span');
  const ink = Bokeh.documents.at(-1).roots()[0].below[0].axis_line_color;
  return {
    page: luminance(behind(document.body)),
    text: Math.min(...texts.map(own)),
    lines: Math.min(...all('fieldset line').map((line) => contrast(line.getAttribute('stroke'), behind(line.closest('div, body'))))),
    axis: contrast(ink, behind(document.body)),
    skeleton: Math.min(...all('figure canvas').map(own)),
  };
}
