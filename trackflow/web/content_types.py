"""What a request says its body is."""

from fastapi import Request

JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"


def content_type_of(request: Request) -> str:
    """The content type without its parameters, in small letters; empty for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
