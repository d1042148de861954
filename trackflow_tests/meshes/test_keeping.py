"""What a sync decides, over random images and meshes: it ends, and nothing useful is lost."""

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trackflow.meshes.keeping import (
    FAILED_REST,
    KeepingPlan,
    KeptImage,
    KeptMesh,
    StaleReason,
    plan_of,
)

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
VERSION = "2"

KEYS = [f"upload/{letter}" for letter in "abcd"]
CONTENTS = st.sampled_from(["c1", "c2"])
HASHES = st.sampled_from(["p1", "p2"])

IMAGES = st.lists(
    st.builds(KeptImage, st.sampled_from(KEYS), st.none() | CONTENTS, HASHES, st.booleans()),
    unique_by=lambda image: image.image_key,
)

MESHES = st.lists(
    st.builds(
        KeptMesh,
        mesh_id=st.uuids().map(str),
        image_key=st.sampled_from(KEYS),
        status=st.sampled_from(["queued", "running", "completed", "failed", "cancelled"]),
        parameters_hash=HASHES,
        content_hash=st.none() | CONTENTS,
        generator_version=st.sampled_from([None, "1", VERSION]),
        can_get_better=st.booleans(),
        finished_at=st.sampled_from([None, NOW, NOW - FAILED_REST, NOW - 2 * FAILED_REST]),
        has_files=st.booleans(),
    ),
    unique_by=lambda mesh: mesh.mesh_id,
)


def done(
    plan: KeepingPlan, images: list[KeptImage], meshes: list[KeptMesh]
) -> tuple[list[KeptImage], list[KeptMesh]]:
    """After a sync in which everything went well."""
    images = [replace(image, content_hash=image.content_hash or "c1") for image in images]
    by_key = {image.image_key: image for image in images}
    kept = []
    for mesh in meshes:
        image = by_key.get(mesh.image_key)
        if mesh.mesh_id in plan.retire:
            continue
        if mesh.mesh_id in plan.again and image is not None:
            mesh = made(mesh.mesh_id, image)
        kept.append(mesh)
    kept += [made(f"new-{key}", by_key[key]) for key in plan.make]
    return images, kept


def made(mesh_id: str, image: KeptImage) -> KeptMesh:
    return KeptMesh(
        mesh_id, image.image_key, "completed", image.parameters_hash, image.content_hash, VERSION
    )


@given(IMAGES, MESHES)
def test_after_a_sync_there_is_nothing_left_to_do(
    images: list[KeptImage], meshes: list[KeptMesh]
) -> None:
    plan = plan_of(images, meshes, VERSION, NOW)
    after = plan_of(*done(plan, images, meshes), VERSION, NOW)
    # what was not known before may turn out to be of an older image
    unknown = {mesh.image_key for mesh in meshes if mesh.content_hash is None}
    unknown |= {image.image_key for image in images if image.content_hash is None}
    assert not set(after.make) - unknown
    assert not after.again or unknown
    assert not after.retire


@given(IMAGES, MESHES)
def test_each_image_is_counted_once(images: list[KeptImage], meshes: list[KeptMesh]) -> None:
    plan = plan_of(images, meshes, VERSION, NOW)
    counted = plan.up_to_date + plan.in_work + plan.resting + plan.hopeless + plan.cancelled
    there = [image for image in images if not image.is_gone]
    assert len(plan.make) + len(plan.again) + counted == len(there)


@given(IMAGES, MESHES)
def test_only_meshes_without_an_image_are_retired(
    images: list[KeptImage], meshes: list[KeptMesh]
) -> None:
    there = {image.image_key for image in images if not image.is_gone}
    plan = plan_of(images, meshes, VERSION, NOW)
    for mesh in meshes:
        is_lost = mesh.image_key not in there and mesh.status != "running"
        assert (mesh.mesh_id in plan.retire) == is_lost


@given(IMAGES, MESHES, st.randoms())
def test_the_order_of_the_images_changes_nothing(
    images: list[KeptImage], meshes: list[KeptMesh], random: object
) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan_of(shuffled, meshes, VERSION, NOW) == plan_of(images, meshes, VERSION, NOW)


IMAGE = KeptImage("upload/a", "c1", "p1")
MADE = made("m", IMAGE)


def reason(image: KeptImage, *meshes: KeptMesh) -> StaleReason | None:
    return plan_of([image], meshes, VERSION, NOW).make.get("upload/a")


def test_each_kind_of_staleness_has_its_reason() -> None:
    assert reason(IMAGE) is StaleReason.MISSING
    assert reason(IMAGE, MADE) is None
    assert reason(replace(IMAGE, parameters_hash="p2"), MADE) is StaleReason.PARAMETERS
    assert reason(replace(IMAGE, content_hash="c2"), MADE) is StaleReason.IMAGE
    assert reason(IMAGE, replace(MADE, generator_version="1")) is StaleReason.GENERATOR
    assert reason(IMAGE, replace(MADE, has_files=False)) is StaleReason.FILES_LOST


def test_failures_are_tried_again_only_where_that_may_help_and_after_a_rest() -> None:
    failed = replace(MADE, status="failed", can_get_better=True, finished_at=NOW)
    assert plan_of([IMAGE], [failed], VERSION, NOW).resting == 1
    assert plan_of([IMAGE], [failed], VERSION, NOW + FAILED_REST).again == ["m"]
    hopeless = replace(failed, can_get_better=False)
    assert plan_of([IMAGE], [hopeless], VERSION, NOW + FAILED_REST).hopeless == 1
    # another image, other parameters, another generator: a new chance
    for image in (replace(IMAGE, content_hash="c2"), replace(IMAGE, parameters_hash="p2")):
        assert plan_of([image], [hopeless], VERSION, NOW).make
    assert plan_of([IMAGE], [hopeless], "3", NOW).make


def test_what_a_person_has_cancelled_stays_cancelled() -> None:
    cancelled = replace(MADE, status="cancelled", content_hash=None, generator_version=None)
    plan = plan_of([IMAGE], [cancelled], VERSION, NOW)
    assert (plan.cancelled, plan.make, plan.again) == (1, {}, [])
