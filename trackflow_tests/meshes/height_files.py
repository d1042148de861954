"""Files with heights, written by Pillow and rasterio, for tests."""

import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

UTM_10_M = from_origin(370_000, 4_850_000, 10, 10)


def geotiff(values, *, crs="EPSG:32632", transform=UTM_10_M, **options):
    """A GeoTIFF; `values` of shape (rows, columns) or (bands, rows, columns)."""
    bands = values[np.newaxis] if values.ndim == 2 else values
    return raster_file(bands, driver="GTiff", crs=crs, transform=transform, **options)


def raster_file(bands, *, units=None, scales=None, offsets=None, mask=None, **options):
    """A file that GDAL writes, from bands of shape (bands, rows, columns)."""
    count, rows, columns = bands.shape
    with warnings.catch_warnings(), MemoryFile() as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with file.open(
            count=count, height=rows, width=columns, dtype=bands.dtype, **options
        ) as dataset:
            dataset.write(bands)
            if units:
                dataset.units = units
            if scales:
                dataset.scales = scales
            if offsets:
                dataset.offsets = offsets
            if mask is not None:
                dataset.write_mask(mask)
        return bytes(file.getbuffer())


def picture(pixels, file_format="PNG", **options):
    """A picture; `pixels` an array or a Pillow image."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def terrarium(heights):
    number = np.round((heights.astype(np.float64) + 32768) * 256).astype(np.int64)
    return _three_bytes(number)


def terrain_rgb(heights):
    number = np.round((heights.astype(np.float64) + 10000) * 10).astype(np.int64)
    return _three_bytes(number)


def _three_bytes(number):
    return np.stack([number >> 16, number >> 8 & 255, number & 255], axis=-1).astype(np.uint8)


def png_claiming(columns, rows):
    """A valid PNG header of any size, with next to no data."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def photograph(rows, columns, seed=1):
    """Soft shapes and noise in three bands that go together, as those of a photograph do."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    light = 120 + 60 * np.sin(x / 17) * np.cos(y / 23)
    bands = [light * share + random.normal(0, 4, light.shape) for share in (1.0, 0.9, 0.7)]
    return np.clip(np.stack(bands, axis=-1), 0, 255).astype(np.uint8)
