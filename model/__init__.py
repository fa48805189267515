"""The networks: students (CTR-GCN, HD-GCN), the branches FAM and FRM, and MMCL, which trains them together."""
