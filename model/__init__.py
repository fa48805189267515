"""The networks: students (CTR-GCN, HD-GCN), the branches FAM and FRM, and MMCL, which trains them together."""

from torchlight.checkpoint import register_keys

register_keys(  # public CTR-GCN, HD-GCN and MMCL files, and this program's own, name the same weights differently
    wrappers=['student.'],
    renamed={'FAM_Aligh.': 'fam.', 'mlp.': 'frm.gate.', 'PosMatrix': 'frm.positive', 'NegMatrix': 'frm.negative'},
    dropped=['.inception_v3.', '.gcn1.conv_d.'],  # MMCL's image encoder; a second name of HD-GCN's last level
    optional=['fam.', 'frm.'],
)
