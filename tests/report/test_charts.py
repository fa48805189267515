"""The chart of a run has its lines, in the colours of both schemes."""

import json

from tests.report.made_up import HISTORY
from torchlight.report.charts import SCHEMES, series_of, training_chart


def test_lines_have_the_epochs_that_were_measured():
    lines = {line['name']: line for line in series_of(HISTORY)}
    assert lines['training loss']['x'] == [1, 2, 3] and lines['evaluation top-5']['x'] == [1, 3]
    assert lines['evaluation top-5']['dashed'] and not lines['training loss']['dashed']
    kinds = [line['kind'] for line in lines.values()]
    assert kinds == sorted(kinds, key=['loss', 'accuracy', 'rate'].index) and kinds.count('rate') == 1


def test_one_epoch_is_no_curve():
    assert training_chart(HISTORY[:1]) is None and training_chart([]) is None


def test_a_figure_for_each_kind_in_the_ink_of_each_scheme():
    chart = training_chart(HISTORY)
    assert chart['titles'] == ['Loss', 'Accuracy', 'Learning rate'] and len(chart['series']) == 7
    for scheme, (ink, _) in SCHEMES.items():
        figures = [json.dumps(figure) for figure in chart['figures'][scheme]]
        assert len(figures) == 3 and all(ink in figure for figure in figures)
    assert 1_000_000 < len(chart['script']) < 2_000_000 and 'http-equiv' not in chart['script']
