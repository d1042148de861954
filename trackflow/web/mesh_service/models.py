"""What the mesh service takes and answers, as its OpenAPI description shows it."""

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trackflow.meshes.parameters import MeshParameters
from trackflow.web.schemas import schema_of

type Status = Literal["queued", "running", "completed", "failed", "cancelled"]


class MeshSubmission(BaseModel):
    """A request for a mesh of the image at an address."""

    model_config = ConfigDict(extra="forbid")

    image_url: str = Field(
        description="Address of the image.", examples=["https://images.example/hills.png"]
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="What is asked; see the parameters of meshes.",
        examples=[{"detail_factor": 0.02}],
    )
    mesh_id: str | None = Field(
        None, description="An id of the caller's choice; without it, a new one.", max_length=100
    )
    callback_url: str | None = Field(
        None, description="Address that is told of progress and of the end.", max_length=2000
    )
    name: str | None = Field(None, description="Name of the image, for messages.", max_length=200)


class MeshUpload(BaseModel):
    """The same with the image itself, as `multipart/form-data`."""

    image: bytes = Field(
        description="The image.", json_schema_extra={"type": "string", "format": "binary"}
    )
    parameters: str | None = Field(
        None, description="JSON object.", examples=['{"detail_factor": 0.02}']
    )
    mesh_id: str | None = Field(None, description="An id of the caller's choice.")
    callback_url: str | None = Field(
        None, description="Address that is told of progress and of the end."
    )
    name: str | None = Field(None, description="Name of the image, for messages.")


class MeshFileState(BaseModel):
    """A file of a mesh."""

    name: str = Field(examples=["mesh.glb"])
    url: str
    size_bytes: int
    sha256: str


class MeshState(BaseModel):
    """A mesh."""

    mesh_id: str
    status: Status
    progress: float = Field(description="Done share from 0 to 1; it never goes back.")
    step: str | None = Field(description="What is being done.", examples=["triangulating"])
    image_url: str | None
    parameters: dict[str, Any]
    result_url: str | None = Field(description="Address of the GLB; null until it is completed.")
    vertex_count: int | None
    triangle_count: int | None
    report: dict[str, Any] | None = Field(description="All numbers of the finished mesh.")
    files: list[MeshFileState] = Field(description="Empty until the mesh is completed.")
    error_kind: str | None = Field(description="Kind of the last failure.")
    error_message: str | None = Field(description="Why it failed, and what to do.")
    retryable: bool = Field(description="Whether the same request may succeed later.")
    tries: int = Field(description="Failed ones.")
    generator_version: str | None
    pixels: int | None
    seconds: float | None
    peak_memory_bytes: int | None
    created_at: dt.datetime | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class QueueState(BaseModel):
    """How much there is to do."""

    length: int = Field(description="Meshes that wait.")
    running: int = Field(description="Meshes that are being made.")
    callbacks: int = Field(description="Callbacks that are still to be sent.")


class HealthState(BaseModel):
    """Whether the service works."""

    status: Literal["ok"]
    generator_version: str = Field(description="Changes when the same image may give another mesh.")


def body_of_submission() -> dict[str, Any]:
    """The request body in OpenAPI: JSON or a form."""
    submission = schema_of(MeshSubmission)
    submission["properties"]["parameters"] |= parameters_schema()
    return {
        "required": True,
        "content": {
            "application/json": {"schema": submission},
            "multipart/form-data": {"schema": schema_of(MeshUpload)},
        },
    }


def parameters_schema() -> dict[str, Any]:
    """The parameters of a mesh as a schema without references."""
    schema = schema_of(MeshParameters)
    return {"properties": schema["properties"], "additionalProperties": False}
