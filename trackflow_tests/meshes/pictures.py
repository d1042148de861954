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
    """A small PNG that unpacks to `rows` times `columns` black pixels.

    One packed stretch of rows is repeated: packing them all would take seconds.
    """
    stretch = 100
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(b"\0" * (columns + 1) * stretch) + packer.flush(zlib.Z_FULL_FLUSH)
    size = (columns + 1) * rows
    checksum = struct.pack(">I", (size % 65_521) << 16 | 1)  # Adler-32 of zeros
    last = zlib.compressobj(wbits=-15).flush()
    data = b"\x78\xda" + packed * (rows // stretch) + last + checksum
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def claims_to_be(rows: int, columns: int) -> bytes:
    """A PNG whose header names a size, with next to nothing in it."""
    image = bytearray(png(4, 4))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    image[16:29] = header
    image[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return bytes(image)


def kinds_of_images() -> dict[str, bytes]:
    """Images of many kinds and with many faults; none is larger than 64 by 48."""
    grey = np.linspace(0, 255, 64 * 48, dtype=np.uint8).reshape(48, 64)
    deep = (grey.astype(np.uint16) * 257).astype(np.uint16)
    colour = np.stack([grey, grey[::-1], grey], axis=2)
    whole = _saved(Image.fromarray(grey), "png")
    frames = [Image.fromarray(np.roll(grey, k * 5, axis=0)) for k in range(3)]
    rotated = Image.Exif()
    rotated[0x0112] = 6
    return {
        "grey": whole,
        "16-bit": _saved(Image.fromarray(deep), "png"),
        "colour": _saved(Image.fromarray(colour), "png"),
        "alpha": _saved(Image.fromarray(np.dstack([colour, grey])), "png"),
        "palette": _saved(Image.fromarray(colour).quantize(16), "png"),
        "one bit": _saved(Image.fromarray(grey > 99), "png"),
        "CMYK": _saved(Image.fromarray(colour).convert("CMYK"), "jpeg"),
        "rotated": _saved(Image.fromarray(colour), "jpeg", exif=rotated),
        "float": _saved(Image.fromarray(grey.astype(np.float32)), "tiff"),
        "animated": _saved(frames[0], "gif", save_all=True, append_images=frames[1:]),
        "pages": _saved(frames[0], "tiff", save_all=True, append_images=frames[1:]),
        "truncated": whole[: len(whole) // 2],
        "damaged": whole[:60] + bytes(b ^ 0x55 for b in whole[60:90]) + whole[90:],
        "no bytes": b"",
        "text": b"Dear Sir or Madam,",
        "zip of nothing": b"PK\x05\x06" + bytes(18),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "header": claims_to_be(2**31 - 1, 2**31 - 1),
        "bomb": bomb(),
    }


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()
