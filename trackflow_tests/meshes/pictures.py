"""Images for tests of meshes, made as they are needed."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def png(rows: int, columns: int, *, seed: int = 1, smooth: bool = False) -> bytes:
    """A grey image: noise, or a hill."""
    if smooth:
        y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
        pixels = (255 * np.exp(-(x**2 + y**2) * (1 + seed % 5))).astype(np.uint8)
    else:
        pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()


def bomb(rows: int = 30_000, columns: int = 30_000) -> bytes:
    """A small PNG that unpacks to `rows` times `columns` black pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (columns + 1)
    packed = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    )


def claims_to_be(rows: int, columns: int) -> bytes:
    """A PNG whose header names a size, with next to nothing in it."""
    image = bytearray(png(4, 4))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    image[16:29] = header
    image[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return bytes(image)
