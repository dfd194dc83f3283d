"""The OpenAPI 3.1 document: bodies that we parse ourselves are declared, the framework's own errors are not ours."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from strongroom.api.models import DsseEnvelope, ErrorAnswer, IntentRequest, StatementRequest

_BODIES: tuple[type[BaseModel], ...] = (DsseEnvelope, IntentRequest, StatementRequest)
_TEXTS = {
    400: "bad input: the same bytes will never be accepted",
    401: "the token does not stand for this request",
    403: "denied by the policy in force",
    404: "there is no such thing",
    409: "it conflicts with what happened before",
    429: "this client address asks too often: Retry-After says when to come again",
    503: "a component is unreachable",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declarations of coded errors for a route."""
    return {status: {"model": ErrorAnswer, "description": _TEXTS[status]} for status in statuses}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The declaration of a JSON body of this form."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=app.description,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _, bodies = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
    )
    schemas.update(bodies["$defs"])
    document["components"]["securitySchemes"] = {"rs256": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
            operation["responses"]["429"] = {"description": _TEXTS[429], "content": content}
    app.openapi_schema = document
    return document
