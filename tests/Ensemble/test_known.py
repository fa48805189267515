"""The known streams are those that configs train, and fusion takes, names and orders them."""

import re

import main_MMCL
from Ensemble.arguments import parse
from Ensemble.known import STREAMS, WEIGHTS, title_of
from Ensemble.streams import ORDER, read_streams
from feeders.transforms import STREAMS as INPUTS
from tests.Ensemble.scores import SIX, UCLA, made_up, output, write
from tests.helpers import ROOT
from torchlight import config

NETWORKS = {'CTR-GCN': None, 'HD-GCN': 'model.hdgcn.Model', 'TD-GCN': 'model.tdgcn.Model'}
TITLES = dict(zip(INPUTS, ('joints', 'bones', 'motion of the joints', 'motion of the bones')))


def test_each_stream_is_what_its_config_trains():
    for name, (title, stem) in STREAMS.items():
        path = ROOT / 'config/nturgbd120-cross-subject' / f'{stem}.yaml'
        arg = config.parse(main_MMCL.get_parser(), ['--config', str(path)])
        network, _, what = title.partition(', ')
        assert arg.model_args.get('backbone') == NETWORKS[network], name
        assert what == TITLES[arg.stream or 'joint'], name
    assert title_of('J') == 'CTR-GCN, joints' and title_of('mine') == ''


def test_the_weights_are_of_known_streams():
    assert all(entry['rates'].keys() <= STREAMS.keys() for entry in WEIGHTS)


def test_td_gcn_follows_the_six_and_is_named_in_the_report(tmp_path, capsys):
    names = ['mine', 'TDB', 'HDB', 'TDJ', 'J']
    write(tmp_path, UCLA, made_up(UCLA, 10, names))
    files = [f'{name}={tmp_path / name}.pkl' for name in names]
    assert read_streams(parse(['--scores', *files, '--benchmark', 'NW-UCLA']).streams).name == [
        'J', 'HDB', 'TDJ', 'TDB', 'mine'
    ]  # fmt: skip
    output(capsys, '--scores', *files[1:4], '--benchmark', 'NW-UCLA', '--report', tmp_path / 'report')
    html = (tmp_path / 'report' / 'report.html').read_text()
    assert re.search(r'<th scope="row">TDJ</th>\s*<td[^>]*>TD-GCN, joints</td>', html)
    assert ORDER[:6] == SIX and ORDER[6:] == ('TDJ', 'TDB', 'TDJM', 'TDBM')
