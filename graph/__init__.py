"""Skeletons as graphs: the joints, the edges and the adjacency matrices of each data set."""
