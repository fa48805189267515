"""Which joints of a pose a picture can show."""

import numpy as np


def found_joints(poses: np.ndarray) -> np.ndarray:
    """Return which joints were found; the coordinates of the others are all zero.

    A pose in space may be centred on one of its joints, as the first one of an NTU clip is: a single joint at zero is
    that one. In an image, zero is the corner, where no joint is.

    Parameters
    ----------
    poses : (…, V joints, C coordinates). Without the confidences.

    Returns
    -------
    (…, V) bool. All False where nobody is.
    """
    found = poses.any(-1)
    centred = (found.sum(-1) == poses.shape[-2] - 1) & found.any(-1) & (poses.shape[-1] > 2)
    return found | centred[..., None]
