"""A live request without its body: what decides how its body is read, now or later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from trackflow.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Envelope:
    """The address and parameters with which a body was sent.

    Attributes:
        endpoint: the last part of the address, such as `overland`.
        device_id: the device of the token: all positions are its, also where they name another.
        named_device: the device that the request names outside its body (OwnTracks' user and
            device); it precedes the devices that the positions name.
        fallback_device: the device of positions that name none; empty for the sender's default.
        query: the address's parameters, without the token.
        is_json: whether the request calls its body JSON.
    """

    endpoint: str
    device_id: str | None = None
    named_device: str = ""
    fallback_device: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    is_json: bool = False

    def dumped(self) -> str:
        """As JSON that `loaded` reads; equal envelopes give equal text."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({name: value for name, value in members.items() if value}, sort_keys=True)

    @classmethod
    def loaded(cls, text: str) -> Self:
        """What `dumped` wrote, by this version or another.

        Raises:
            BadInputError: it is none of ours.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            raise BadInputError(
                "a newer trackflow has kept this input; read it again with that version"
            ) from None
