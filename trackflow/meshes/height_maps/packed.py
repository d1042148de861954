"""Unpacks a zip or gzip file that holds one image."""

import io
import zipfile
import zlib

from trackflow.errors import BadInputError
from trackflow.files import GZIP_MAGIC, DamagedGzipError, gunzip
from trackflow.meshes.height_maps.raster import MAX_BYTES

_ZIP_MAGIC = b"PK\x03\x04"
_IMAGE_ENDINGS = (
    ".hgt", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".pgm", ".ppm",
    ".jp2", ".avif",
)  # fmt: skip


def unpacked(image: bytes, name: str) -> tuple[bytes, str]:
    """The image in a packed file and its own name; any other file as it is.

    Raises:
        BadInputError: it is damaged, too large, or does not hold exactly one image.
    """
    if len(image) > MAX_BYTES:
        raise _too_large(name)
    if image.startswith(_ZIP_MAGIC):
        return _from_zip(image, name)
    if image.startswith(GZIP_MAGIC):
        return _from_gzip(image, name), name.removesuffix(".gz")
    return image, name


def _from_zip(image: bytes, name: str) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(image)) as archive:
            member = _only_image(archive, name)
            if member.file_size > MAX_BYTES:
                raise _too_large(name)
            with archive.open(member) as file:
                content = file.read(MAX_BYTES + 1)  # the header may lie about the size
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise BadInputError(f"{name} is a damaged zip file, or packed in a rare way") from error
    except RuntimeError as error:
        raise BadInputError(f"{name} is encrypted: send it without a password") from error
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    return content, member.filename.rsplit("/", 1)[-1]


def _only_image(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    images = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(_IMAGE_ENDINGS)
        and not member.filename.startswith("__MACOSX/")
    ]
    if len(images) != 1:
        found = "no image" if not images else f"{len(images)} images"
        raise BadInputError(f"{name} holds {found}: send a zip file with exactly one")
    return images[0]


def _from_gzip(image: bytes, name: str) -> bytes:
    pieces, size = [], 0
    try:
        for piece in gunzip([image]):
            size += len(piece)
            if size > MAX_BYTES:
                raise _too_large(name)
            pieces.append(piece)
    except DamagedGzipError as error:
        raise BadInputError(f"{name} cannot be unpacked: {error}") from error
    return b"".join(pieces)


def _too_large(name: str) -> BadInputError:
    return BadInputError(f"{name} has more than {MAX_BYTES // 1024**2} MiB: cut it into tiles")
