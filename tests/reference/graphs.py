"""Adjacency matrices, written out from the lists of bones and of joint groups."""

import numpy as np

# child-parent, joints counted from 1
NTU_BONES = (
    '1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19 '
    '22-23 23-8 24-25 25-12'
)
UCLA_BONES = '1-2 2-3 4-3 5-3 6-5 7-6 8-7 9-3 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19'
HIERARCHY = {  # centre of mass: its seven groups of joints
    1: '1|2,13,17|14,18,21|3,5,9,15,19|4,6,10,16,20|7,11|8,12,22,23,24,25',
    2: '2|1,21|13,17,3,5,9|14,18,4,6,10|15,19,7,11|16,20,8,12|22,23,24,25',
    21: '21|2,3,5,9|4,6,10,1|7,11,13,17|8,12,14,18|22,23,24,25,15,19|16,20',
}


def pairs(bones):
    """Child and parent of each bone, joints counted from 0."""
    return [tuple(int(joint) - 1 for joint in bone.split('-')) for bone in bones.split()]


def groups(centre):
    """The groups of joints around a centre of mass, joints counted from 0."""
    return [[int(joint) - 1 for joint in group.split(',')] for group in HIERARCHY[centre].split('|')]


def shares(joints, edges):
    """A[j, i] = 1 for every edge from i to j, each column divided by its sum unless that is zero."""
    A = np.zeros((joints, joints))
    for source, target in edges:
        A[target, source] = 1
    for column in A.T:
        if column.sum() > 0:
            column /= column.sum()
    return A


def spatial(joints, bones):
    """The three subsets (3, V, V): each joint to itself, child to parent, parent to child."""
    inward = pairs(bones)
    outward = [(parent, child) for child, parent in inward]
    return np.stack([np.eye(joints), shares(joints, inward), shares(joints, outward)])


def hierarchical(centre):
    """The three subsets of each level (6, 3, 25, 25): the joints of two neighbouring groups."""
    levels = []
    for inner, outer in zip(groups(centre), groups(centre)[1:]):
        itself = np.zeros((25, 25))
        for joint in inner + outer:
            itself[joint, joint] = 1
        away = shares(25, [(a, b) for a in inner for b in outer])
        back = shares(25, [(b, a) for a in inner for b in outer])
        levels.append([itself, away, back])
    return np.array(levels)


def ntu():
    """The 25 joints of NTU RGB+D."""
    return spatial(25, NTU_BONES)


def ucla():
    """The 20 joints of NW-UCLA."""
    return spatial(20, UCLA_BONES)
