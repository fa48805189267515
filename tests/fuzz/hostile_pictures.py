"""Hostile pictures and videos, which the encoders of the helper branches see."""

import importlib.util
import struct
import zlib

from feeders.recordings import crops
from LLMs.images import ImageFolder
from tests.fuzz.hostile_arrays import zeros
from tests.fuzz.watch import MADE, SECRET, Hostile, written
from tests.recordings.walker import walk, write_video

EMPTY = zlib.compress(bytes(5))  # the data of one pixel


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, data=EMPTY, *more):
    """The bytes of a PNG of colours and opacity that claims this size."""
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 6, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + head + b''.join(more) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def postscript(folder):
    return f'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n({folder / MADE}) (w) file closefile\n'


def read_picture(path):
    return ImageFolder(path.parent, [path.stem]).read(path.stem).size


def in_a_video(codec, data, width, height):
    """A maker of a video of three such pictures."""

    def make(folder):
        import av

        with av.open(str(folder / 'x.avi'), 'w') as container:
            stream = container.add_stream(codec, rate=30, width=width, height=height, pix_fmt='rgba')
            for time in range(3):
                packet = av.Packet(data)
                packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, time, time, True
                container.mux(packet)
        return folder / 'x.avi'

    return make


def large_header(folder):
    """A video of 480 × 270 whose headers say 100,000 × 100,000."""
    write_video(folder / 'x.avi', walk(3))
    data = (folder / 'x.avi').read_bytes()
    (folder / 'x.avi').write_bytes(data.replace(struct.pack('<ii', 480, 270), struct.pack('<ii', 10**5, 10**5)))
    return folder / 'x.avi'


def copied(text):
    """A playlist of another video, which is in the place of the secret."""

    def content(folder):
        write_video(folder / 'y.avi', walk(3))
        (folder / SECRET).write_bytes((folder / 'y.avi').read_bytes())
        return text.replace('{secret}', str(folder / SECRET))

    return content


def read_video(path):
    return [image.size for image in crops.read_crops(path, [(1, (0, 0, 1920, 1080))])]


PLAYLIST = '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n'
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"'
    ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
SDP = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n'
PICTURES = {
    'claims 100,000 × 100,000 pixels': png(10**5, 10**5),
    'inflates to 13,000 × 13,000 pixels': png(13000, 13000, zeros(41 << 24)),
    'has a text that inflates to 1.6 GB': png(1, 1, EMPTY, chunk(b'zTXt', b'x\0\0' + zeros(3 << 29))),
    'has a profile that inflates to 1.6 GB': png(1, 1, EMPTY, chunk(b'iCCP', b'x\0\0' + zeros(3 << 29))),
    'is a program of PostScript': postscript,
    'is a list of another picture': f'#EXTM3U\n{SECRET}',
}
VIDEOS = {
    'has pictures that claim 100,000 × 100,000 pixels': in_a_video('png', png(10**5, 10**5), 480, 270),
    'has pictures that inflate to 16,000 × 16,000 pixels': in_a_video(
        'png', png(16000, 16000, zeros(61 << 24)), 480, 270
    ),
    'is a playlist of another file': written('x.avi', copied(PLAYLIST.format('{secret}'))),
    'is a playlist of a file beside it': written('x.avi', copied(PLAYLIST.format(SECRET))),
    'is a list of another file': written('x.avi', copied("ffconcat version 1.0\nfile '{secret}'\n")),
    'is a list of a file beside it': written('x.avi', copied(f'ffconcat version 1.0\nfile {SECRET}\n')),
    'is a description of another file': written('x.mp4', copied(DASH)),
    'is a description of a stream from the network': written('x.avi', SDP),
}
KINDS = {}
if all(importlib.util.find_spec(package) for package in ('av', 'PIL')):  # of LLMs/requirements.txt
    KINDS = {
        'a picture': {
            tries: Hostile(written('x.png', content), read_picture, 'x.png is not a readable image')
            for tries, content in PICTURES.items()
        },
        'a video': {
            **{tries: Hostile(make, read_video, 'the video ') for tries, make in VIDEOS.items()},
            'claims 100,000 × 100,000 pixels for small pictures': Hostile(large_header, read_video, 'read [(480,'),
        },
    }
