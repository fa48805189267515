"""What the report of a run contains."""

import re

from tests.report.made_up import CLASSES, EVIL, HISTORY, evaluation, made_up
from torchlight.report.run import changed_settings, environment_of, epochs_table, write_run


def test_a_report_is_one_file_without_markup_from_the_data(tmp_path):
    write_run(tmp_path / 'report.html', made_up(history=[]))
    text = (tmp_path / 'report.html').read_text()
    assert EVIL not in text and 'alert(&#34;x&#34;)' in text
    assert not re.search(r'(src|href)="(?!#|data:)', text) and len(text) < 300_000
    result = evaluation()
    assert f'{100 * result.top(1):.2f} %' in text and text.count('<figure>') == min(
        24, int(48 * (1 - result.top(1)) + 0.5)
    )


def test_sections_that_have_nothing_to_show_are_left_out(tmp_path):
    write_run(tmp_path / 'a.html', made_up(history=[], skeletons=None))
    text = (tmp_path / 'a.html').read_text()
    assert 'id="curves"' not in text and 'id="clips"' not in text and '<canvas' not in text and '#clips' not in text


def test_a_picture_of_the_confusions_is_put_inside(tmp_path):
    (tmp_path / 'confusion_matrix.png').write_bytes(b'abc')
    write_run(tmp_path / 'a.html', made_up(history=[]))
    assert 'data:image/png;base64,YWJj' in (tmp_path / 'a.html').read_text()


def test_refined_scores_are_named(tmp_path):
    result = evaluation()
    write_run(tmp_path / 'a.html', made_up(history=[], result=result._replace(refined=result.scores)))
    assert 'top-1, refined' in (tmp_path / 'a.html').read_text()


def test_a_result_without_mistakes_has_a_report(tmp_path):
    result = evaluation()
    right = result._replace(scores=result.scores * 0 + (result.label[:, None] == range(len(CLASSES))))
    write_run(tmp_path / 'a.html', made_up(history=[], result=right))
    assert 'All clips are classified correctly.' in (tmp_path / 'a.html').read_text()


def test_only_settings_that_differ_are_listed():
    run = made_up()
    assert changed_settings(run.settings, run.defaults).rows == [['seed', '2', '1'], ['model_args.graph', EVIL, '–']]


def test_an_epoch_without_an_evaluation_has_dashes():
    table = epochs_table(HISTORY)
    row = dict(zip(table.heads, table.rows[1]))
    assert row['epoch'] == 2 and row['evaluation loss'] == '–' and row['training top-1'] == '50.00%'


def test_a_session_of_an_older_version_is_no_fault():
    assert dict(environment_of({}))['seed'] == 'not known'
