"""The curves of a training run as an interactive chart: Bokeh's script and the figures, to be put inside a page."""

from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = '#2f7fc9', '#c75a1d', '#2c8a57', '#9a58cf', '#b8486e', '#827117'  # 3:1 and more on white and on dark grey
SCHEMES = {  # of the page, see style.css: ink, grid
    'light': ('#33383f', '#d8dbe0'),
    'dark': ('#d5d9df', '#3d434c'),
}
TITLES = {'loss': 'Loss', 'accuracy': 'Accuracy', 'rate': 'Learning rate'}
PARTS = {'train': 'training', 'val': 'evaluation'}


def training_chart(history: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the chart of a run's epochs, or None for fewer than two of them, which make no curve.

    Parameters
    ----------
    history : dicts, one per epoch. Each has 'epoch' and, if known, 'train' and 'val' dicts of named values.

    Returns
    -------
    {'script': the elements that load Bokeh, 'titles': one per figure, 'figures': {scheme: [JSON of each figure]},
    'series': [{'name', 'colour', 'dashed'}]}.
    """
    if len(history) < 2:
        return None
    from bokeh.embed import json_item  # takes a second to import
    from bokeh.resources import Resources
    from bokeh.themes import Theme

    series = series_of(history)
    kinds = [kind for kind in TITLES if any(line['kind'] == kind for line in series)]
    figures = {
        scheme: [json_item(_figure(kind, series), theme=Theme(json=_theme(*colours))) for kind in kinds]
        for scheme, colours in SCHEMES.items()
    }
    script = Resources(mode='inline', components=['bokeh'], log_level='error').render_js()
    shown = [{key: line[key] for key in ('name', 'colour', 'dashed')} for line in series]
    return {'script': script, 'figures': figures, 'series': shown, 'titles': [TITLES[kind] for kind in kinds]}


def series_of(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of the chart: their name, kind, colour, epochs and values."""
    lines = []
    for part, title in PARTS.items():
        for name in dict.fromkeys(name for row in history for name in row.get(part, {})):
            rows = [row for row in history if name in row.get(part, {})]
            kind = 'rate' if name == 'lr' else 'accuracy' if name.startswith('top') else 'loss'
            words = name.replace('_', ' ').replace('top', 'top-') if kind != 'rate' else 'learning rate'
            place = sum(line['kind'] == kind for line in lines) % len(COLOURS)
            epochs, values = [row['epoch'] for row in rows], [float(row[part][name]) for row in rows]
            look = {'colour': COLOURS[place], 'dashed': part == 'val'}
            lines.append({'name': f'{title} {words}', 'kind': kind, 'x': epochs, 'y': values, **look})
    return sorted(lines, key=lambda line: list(TITLES).index(line['kind']))


def _figure(kind: str, series: Sequence[Mapping[str, Any]]) -> Any:
    """Return the Bokeh figure of one kind of lines."""
    from bokeh.models import HoverTool, NumeralTickFormatter, Range1d
    from bokeh.plotting import figure

    shown = {'loss': '@y{0.0000}', 'accuracy': '@y{0.00 %}', 'rate': '@y{0.000000}'}[kind]
    hover = HoverTool(tooltips=[('line', '$name'), ('epoch', '@x'), ('value', shown)])
    drawn = figure(
        title=TITLES[kind],
        height=280,
        sizing_mode='stretch_width',
        x_axis_label='epoch',
        y_axis_type='log' if kind == 'rate' else 'linear',
        tools=['box_zoom', 'pan', 'reset', 'save', hover],
        toolbar_location='above',
    )
    drawn.toolbar.logo = None
    drawn.xaxis[0].ticker.min_interval = 1
    if kind == 'accuracy':
        drawn.y_range = Range1d(0, 1)
        drawn.yaxis[0].formatter = NumeralTickFormatter(format='0 %')
    for line in (line for line in series if line['kind'] == kind):
        style = {'color': line['colour'], 'name': line['name']}
        drawn.line(line['x'], line['y'], line_width=2, line_dash='dashed' if line['dashed'] else 'solid', **style)
        drawn.scatter(line['x'], line['y'], size=5, **style)
    return drawn


def _theme(ink: str, grid: str) -> dict[str, Any]:
    """Return Bokeh's colours for a page of one scheme; the background is the page's."""
    axis = {'axis_line_color': ink, 'major_tick_line_color': ink, 'minor_tick_line_color': None}
    texts = {'major_label_text_color': ink, 'axis_label_text_color': ink}
    plot = {'background_fill_alpha': 0, 'border_fill_alpha': 0, 'outline_line_color': grid}
    attributes = {'Plot': plot, 'Title': {'text_color': ink}, 'Axis': axis | texts, 'Grid': {'grid_line_color': grid}}
    return {'attrs': attributes}
