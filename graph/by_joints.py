"""The graph of the program for each number of joints that has one."""

GRAPHS = {25: 'graph.ntu_rgb_d.Graph', 22: 'graph.hand.Graph', 20: 'graph.ucla.Graph', 17: 'graph.coco.Graph'}


def graph_hint(joints: int) -> str:
    """Return what an error about a number of joints ends with: the graph that has so many, or '' if none has."""
    return f'; {GRAPHS[joints]} has {joints} joints' if joints in GRAPHS else ''
