"""Clips made for tests: a person of 200 × 500 pixels who walks to the right, as a skeleton file and as a video."""

import numpy as np

from tests.helpers import skeleton_text

WIDTH, HEIGHT = 480, 270  # of the video, a quarter of NTU's
FRAMES = 20


def place(frame, side=0):
    """(25, 2) pixels of 1920 × 1080."""
    grid = np.stack(np.meshgrid(np.linspace(0, 200, 5), np.linspace(0, 500, 5)), -1).reshape(25, 2)
    return grid + [300 + 20 * frame + side, 300]


def walk(count=FRAMES):
    """One walking person: for each frame {body id: (25, 2) places}."""
    return [{'7': place(frame)} for frame in range(count)]


def skeleton_of(bodies):
    """The bytes of the `.skeleton` file of {body id: (25, 2) places} for each frame."""

    def joints(frame, places):
        x, y = places.T
        return np.column_stack([x / 2000, y / 300, np.full(25, 2 + 0.01 * frame), places])

    return skeleton_text(
        [{identity: joints(frame, places) for identity, places in seen.items()} for frame, seen in enumerate(bodies)]
    )


def write_video(path, bodies):
    """A black video in which each person is a rectangle, as bright as the frame is late."""
    import av

    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            'mpeg4', rate=30, width=WIDTH, height=HEIGHT, pix_fmt='yuv420p', bit_rate=4_000_000
        )
        for frame, seen in enumerate(bodies):
            pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            for places in seen.values():
                left, top, right, bottom = (np.concatenate([places.min(0), places.max(0)]) / 4).astype(int)
                pixels[top:bottom, left:right] = 100 + 7 * frame
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
