"""How many pixels an image has, from its header: nothing is unpacked."""

import io
import zipfile

from PIL import Image, UnidentifiedImageError

BYTES_PER_HEIGHT = 2
"""In SRTM's `.hgt` files, which have no header."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ZIP = b"PK\x03\x04"


def pixel_count(image: bytes) -> int:
    """The pixels of an image, or an estimate of a file without a header that can be read."""
    if image.startswith(ZIP):
        return _of_zip(image)
    try:
        # the limit of the child process holds, not Pillow's, which warns
        Image.MAX_IMAGE_PIXELS = None
        with Image.open(io.BytesIO(image)) as opened:
            return int(opened.width) * int(opened.height)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, OverflowError):
        if image.startswith(TIFF) and (count := _of_tiff(image)) is not None:
            return count
    return len(image) // BYTES_PER_HEIGHT


def _of_tiff(image: bytes) -> int | None:
    """Pillow does not know every kind of pixel that GDAL reads."""
    from rasterio.errors import RasterioError
    from rasterio.io import MemoryFile

    try:
        with MemoryFile(image) as file, file.open() as opened:
            return int(opened.width) * int(opened.height)
    except (RasterioError, OSError, ValueError):
        return None


def _of_zip(image: bytes) -> int:
    try:
        with zipfile.ZipFile(io.BytesIO(image)) as archive:
            return max((i.file_size for i in archive.infolist()), default=0) // BYTES_PER_HEIGHT
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return len(image) // BYTES_PER_HEIGHT
