"""The results of an evaluation: tables, scores, and lists of right and wrong samples."""

import csv

import numpy as np

from tests.torchlight.work_files import files_in
from torchlight import results
from torchlight.metrics import Evaluation
from torchlight.pickles import read_arrays
from torchlight.results import write_classes, write_evaluation, write_verdicts

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
    names = ['confusion_matrix.png', 'class_accuracy.png', 'per_class.csv', 'confused_pairs.csv']
    assert all((tmp_path / name).exists() for name in names) and not (tmp_path / 'embedding.png').exists()
    write_verdicts(tmp_path, str(tmp_path / 'weights.bin'), RESULT)
    assert (tmp_path / 'weights.bin_wrong.txt').exists()


def test_no_pictures_are_drawn_if_none_are_wanted(tmp_path):
    write_verdicts(tmp_path, tmp_path / 'best.pt', RESULT._replace(feature=np.eye(4)), pictures=False)
    assert not list(tmp_path.glob('*.png')) and (tmp_path / 'per_class.csv').exists()


def test_features_are_drawn_by_their_classes(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(results, 'draw', lambda picture, path, *what: seen.update({path.name: what}))
    feature = np.arange(8.0).reshape(4, 2)
    write_verdicts(tmp_path, tmp_path / 'best.pt', RESULT._replace(feature=feature, classes=['sit']))
    assert seen['embedding.png'][0] is feature and seen['embedding.png'][1:] == (RESULT.label, ['sit'])


def test_tables_of_classes_name_what_they_are_taken_for(tmp_path):
    matrix = np.array([[6, 1, 3], [0, 0, 0], [1, 0, 9]])
    write_classes(tmp_path, matrix, ['sit', '=jump'])
    assert (tmp_path / 'per_class.csv').read_text().splitlines() == [
        'class,name,clips,accuracy,confused_with,confused_with_name,how_often',
        '0,sit,10,0.6000,2,,3',
        "1,'=jump,0,0.0000,,,0",
        '2,,10,0.9000,0,sit,1',
    ]
    assert (tmp_path / 'confused_pairs.csv').read_text().splitlines() == [
        'true,true_name,predicted,predicted_name,clips,share_of_true',
        '0,sit,2,,3,0.3000',
        "0,sit,1,'=jump,1,0.1000",
        '2,,0,sit,1,0.1000',
    ]
    write_classes(tmp_path, matrix, accuracies={'mine': np.array([1, 0.5, 0])})
    assert (tmp_path / 'per_class.csv').read_text().splitlines()[:2] == [
        'class,name,clips,mine,confused_with,confused_with_name,how_often',
        '0,,10,1.0000,2,,3',
    ]
