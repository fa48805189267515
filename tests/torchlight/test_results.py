"""The results of an evaluation: tables, scores, and lists of right and wrong samples."""

import csv

import numpy as np

from tests.torchlight.work_files import files_in
from torchlight.metrics import Evaluation
from torchlight.pickles import read_arrays
from torchlight.results import write_evaluation, write_verdicts

NAMES = ['a', 'b', 'c', 'd']
RESULT = Evaluation(
    NAMES, np.array([0, 1, 2, 0]), np.array([[3, 1, 0, 0], [0, 1, 3, 0], [0, 0, 1, 0], [2, 0, 0, 1]], np.float32)
)


def test_the_table_has_class_accuracies_and_the_confusion_matrix(tmp_path):
    write_evaluation(tmp_path, RESULT, 'test', 7, save_score=False)
    assert files_in(tmp_path) == {'epoch7_test_each_class_acc.csv'}
    with open(tmp_path / 'epoch7_test_each_class_acc.csv') as file:
        rows = np.array(list(csv.reader(file)), float)
    assert rows[0].tolist() == [1, 0, 1, 0]  # the fourth class has no clip
    assert rows[1:].tolist() == [[2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_scores_are_written_on_demand_and_refined_ones_too(tmp_path):
    write_evaluation(tmp_path, RESULT._replace(refined=2 * RESULT.scores), 'test', 1, save_score=True)
    scores, refined = (read_arrays(tmp_path / f'epoch1_test_score{ending}.pkl') for ending in ('', '_refined'))
    assert list(scores) == list(refined) == NAMES
    np.testing.assert_array_equal(np.stack(list(scores.values())), RESULT.scores)
    np.testing.assert_array_equal(np.stack(list(refined.values())), 2 * RESULT.scores)


def test_verdicts_list_every_clip_and_the_wrong_ones(tmp_path):
    write_verdicts(tmp_path, tmp_path / 'best.pt', RESULT)
    assert (tmp_path / 'best_right.txt').read_text() == '0,0\n2,1\n2,2\n0,0\n'
    assert (tmp_path / 'best_wrong.txt').read_text() == 'b,2,1\n'
    assert (tmp_path / 'confusion_matrix.png').exists()
    write_verdicts(tmp_path, str(tmp_path / 'weights.bin'), RESULT)
    assert (tmp_path / 'weights.bin_wrong.txt').exists()
