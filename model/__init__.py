"""The networks: students (CTR-GCN, HD-GCN, TD-GCN), the branches FAM and FRM, and MMCL, which trains them together."""

from torchlight.checkpoint import register_keys

register_keys(  # public files of these networks, and this program's own, name the same weights differently
    wrappers=['student.'],
    renamed={'FAM_Aligh.': 'fam.', 'mlp.': 'frm.gate.', 'PosMatrix': 'frm.positive', 'NegMatrix': 'frm.negative'},
    dropped=['.inception_v3.', '.gcn1.conv_d.'],  # MMCL's image encoder; a second name of HD-GCN's last level
    optional=['fam.', 'frm.'],
    unused={'conv2': 'gamma'},  # TD-GCN has CTR-GCN's conv2 in some files, and no use for it; only TD-GCN has a gamma
)
