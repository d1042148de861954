"""Where meshes are made and kept, and how large they may be."""

import base64
from dataclasses import dataclass
from pathlib import Path

from trackflow.settings.parsing import storage_address, web_address, yes_or_no
from trackflow.variables import number, set_by, whole_number, words


def _named_addresses(text: str) -> tuple[tuple[str, str], ...]:
    """Projects and users with an address each; one may be there several times."""
    pairs = [word.partition("=")[::2] for word in words(text)]
    if not all(name and "://" in address for name, address in pairs):
        raise ValueError("write such as harbour=mailto://… user:anna=slack://…")
    return tuple(pairs)


def _webhook_secret(text: str) -> str:
    """A secret as Standard Webhooks writes it: at least 24 bytes in Base64 after `whsec_`."""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:
        raise ValueError("is no secret of 24 bytes; `trackflow mesh service-secret` makes one")
    return text


@dataclass(frozen=True)
class MeshSettings:
    """Where meshes are made and kept, and how large they may be.

    Attributes:
        mesh_storage: where files of meshes are kept: a path or an address of fsspec; empty for the
            folder `meshes` in `home`.
        mesh_inbox: folder of images of which meshes are made; None for none.
        mesh_logos: whether meshes are made of the logos of race tracks.
        mesh_workers: meshes that are made at once.
        mesh_notify: where messages about meshes go, by project or user; never shown.
        mesh_url: base address of a mesh service; empty makes meshes in child processes of this
            machine.
        mesh_token: a token of that service, which lets this one in; never shown.
        mesh_callback_url: base address of this API as the service sees it; empty for no callbacks.
        mesh_secret: signs the service's callbacks, the same on both sides, never shown.
        mesh_allow_hosts: hosts and networks of the own network that image and callback addresses
            may lead to.
        mesh_image_mb: megabytes of an image file, at most.
        mesh_megapixels: millions of pixels of an image, at most.
        mesh_memory_mb: megabytes of memory that a child process may use for one image.
        mesh_limit_s: seconds that one mesh may take.
    """

    mesh_storage: str = set_by(
        "MESH_STORAGE",
        "",
        "where [meshes](../meshes.md) are kept: a folder, or an address of fsspec such as "
        "`s3://bucket/meshes`",
        unset="`meshes` in the home",
        parse=storage_address,
        is_secret=True,
    )
    mesh_inbox: Path | None = set_by(  # noqa: RUF009  it makes a field
        "MESH_INBOX",
        None,
        "a folder of images of which meshes are made",
        unset="none",
        parse=Path,
    )
    mesh_logos: bool = set_by(
        "MESH_LOGOS",
        True,
        "`no` makes no meshes of the logos of race tracks",
        unset="yes",
        parse=yes_or_no,
    )
    mesh_workers: int = set_by(
        "MESH_WORKERS",
        2,
        "meshes that are made at once",
        parse=whole_number(1, 10),
    )
    mesh_notify: tuple[tuple[str, str], ...] = set_by(
        "MESH_NOTIFY",
        (),
        "where messages about finished meshes go: `project=ADDRESS` or `user:NAME=ADDRESS` with "
        "blanks between, as [Apprise](https://github.com/caronc/apprise) addresses",
        unset="none",
        parse=_named_addresses,
        is_secret=True,
    )
    mesh_url: str = set_by(
        "MESH_URL",
        "",
        "a [mesh service](../mesh-service.md), such as `http://meshes:8100`",
        unset="meshes are made on this machine",
        parse=web_address,
    )
    mesh_token: str = set_by(
        "MESH_TOKEN",
        "",
        "a token of the mesh service; set for `trackflow mesh-service` itself, it lets this one in",
        unset="none",
        is_secret=True,
    )
    mesh_callback_url: str = set_by(
        "MESH_CALLBACK_URL",
        "",
        "this API's address as the mesh service sees it, such as `http://trackflow:8000`; it needs "
        "`TRACKFLOW_MESH_SECRET`",
        unset="no callbacks: the service is asked for news",
        parse=web_address,
    )
    mesh_secret: str = set_by(
        "MESH_SECRET",
        "",
        "signs the mesh service's callbacks, the same on both sides; `trackflow mesh "
        "service-secret` makes one",
        unset="none",
        parse=_webhook_secret,
        is_secret=True,
    )
    mesh_allow_hosts: tuple[str, ...] = set_by(
        "MESH_ALLOW_HOSTS",
        (),
        "hosts and networks of the own network that addresses of images and callbacks may lead to, "
        "such as `images.lan 127.0.0.1:8000 10.1.0.0/16`",
        unset="none: the internet only",
        parse=words,
    )
    mesh_image_mb: int = set_by(
        "MESH_IMAGE_MB", 64, "megabytes of an image file, at most", parse=whole_number(1, 4096)
    )
    mesh_megapixels: int = set_by(
        "MESH_MEGAPIXELS",
        50,
        "millions of pixels of an image, at most; more than 50 are never read",
        parse=whole_number(1, 50),
    )
    mesh_memory_mb: int = set_by(
        "MESH_MEMORY_MB",
        2048,
        "megabytes of memory that one image may take",
        parse=whole_number(64, 1_000_000),
    )
    mesh_limit_s: float = set_by(
        "MESH_LIMIT_S", 300.0, "seconds that one mesh may take", parse=number(1, 86_400)
    )
