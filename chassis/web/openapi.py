"""Completes the OpenAPI document: operation names, response headers, and the problem documents of every operation."""

from typing import Any

from flask_openapi.models.info import Info
from flask_openapi.models.license import License
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI

from chassis.web import access, problems
from chassis.web.headers import CORRELATION_ID
from chassis.web.parsing import Blueprint

TEXT = {"type": "string"}
HEADERS: dict[str, dict[str, Any]] = {
    CORRELATION_ID: {"description": "the ID of this request in the logs", "schema": TEXT},
    "Cache-Control": {"description": "how long the response may be kept", "schema": TEXT},
    "ETag": {"description": "the version of the resource, for `If-Match` and `If-None-Match`", "schema": TEXT},
    "Location": {"description": "the resource; a 202 creates it later", "schema": TEXT | {"format": "uri-reference"}},
    "Accept": {"description": "the supported media type", "schema": TEXT, "required": False},
    "Accept-Encoding": {"description": "`identity`, after a compressed body", "schema": TEXT, "required": False},
    "WWW-Authenticate": {"description": "`Bearer`, with the error of a wrong token", "schema": TEXT},
    "Retry-After": {"description": "seconds to wait before retrying", "schema": {"type": "integer", "minimum": 0}},
}
PARAMETER = {
    "name": CORRELATION_ID,
    "in": "header",
    "description": "your own ID for this request: up to 128 letters, digits and `._-`; an invalid ID is replaced",
    "schema": TEXT,
}
SERVER = {"url": "/", "description": "the server that returned this document"}
PROBLEM = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def responses(**details: str) -> dict[Any, Any]:
    """OpenAPI responses with problem documents, such as `responses(_404="…", _409="…")`."""
    return {status.lstrip("_"): {"description": text, "content": PROBLEM} for status, text in details.items()}


COMMON_RESPONSES = responses(
    _400="malformed",
    _422="invalid",
    _429="too many requests",
    _503="a dependency failed, or the outcome is unknown",
)
BODY_RESPONSES = responses(_413="the body is larger than 64 KB", _415="the body is not JSON, or it is compressed")
ACCESS_RESPONSES = responses(
    _401="the token is missing or not valid", _403="the token is of another user, or no admin's"
)
LICENSE = License(name="Apache-2.0", identifier="Apache-2.0")
HEADERS_KEY = "x-response-headers"  # removed from the document that clients see
HEADERS_BY_STATUS = {"401": ["WWW-Authenticate"], "415": ["Accept", "Accept-Encoding"]}
HEADERS_BY_STATUS |= {status: ["Retry-After"] for status in ("429", "503")}
PARAMETER_LOCATIONS = ["path", "query", "header"]


class DocumentedApp(OpenAPI):
    """A Flask app whose OpenAPI document includes what all operations share."""

    def __init__(self, name: str, description: str, problem: type[problems.Problem]) -> None:
        super().__init__(
            name,
            info=Info(title=f"Shopwire {name}", version="1", description=description, license=LICENSE),
            doc_prefix="/docs",
            security_schemes=access.SCHEMES,
            validation_error_model=problem,
            static_folder=None,
        )
        self.openapi_version = "3.1.0"
        self.config["SWAGGER_CONFIG"] = {
            "validatorUrl": None
        }  # otherwise each browser sends the document to swagger.io

    def generate_spec_json(self) -> None:
        super().generate_spec_json()  # type: ignore[no-untyped-call] # the library has no annotation here
        operations = [operation for path in self.spec_json["paths"].values() for operation in path.values()]
        used = {name for operation in operations for name in _complete(operation)}
        self.spec_json |= {"servers": [SERVER], "security": access.ADMIN}
        headers = {name: {"required": True} | HEADERS[name] for name in sorted(used)}
        self.spec_json["components"] |= {"headers": headers, "parameters": {CORRELATION_ID: PARAMETER}}


def blueprint(name: str, import_name: str, tag: str, description: str) -> Blueprint:
    """Routes below `/name`. An operation ID, and so a generated client's method, is the view's name in camel case."""
    return Blueprint(
        name,
        import_name,
        url_prefix=f"/{name}",
        abp_tags=[Tag(name=tag, description=description)],
        abp_responses=COMMON_RESPONSES,
        operation_id_callback=lambda *, name, **_: _camel_case(name),
    )


def response_headers(**headers: str) -> dict[str, Any]:
    """The names of response headers by status: `openapi_extensions=response_headers(_201="Location ETag")`."""
    return {HEADERS_KEY: {status.lstrip("_"): names.split() for status, names in headers.items()}}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _complete(operation: dict[str, Any]) -> set[str]:
    """Adds the common responses, headers and parameters; returns the names of all response headers."""
    own = operation.pop(HEADERS_KEY, {})
    answers = operation["responses"] | (BODY_RESPONSES if "requestBody" in operation else {})
    if operation.get("security") == access.OPEN:
        operation["security"] = []  # `[{}]` means the same, but generated clients would ask for a token
    else:
        answers |= ACCESS_RESPONSES
    operation["responses"] = {status: _with_headers(status, answers[status], own) for status in sorted(answers)}
    parameters = sorted(operation.get("parameters", []), key=lambda each: PARAMETER_LOCATIONS.index(each["in"]))
    reference = {"$ref": f"#/components/parameters/{CORRELATION_ID}"}
    operation["parameters"] = [*map(_with_example, parameters), reference]
    return {name for answer in operation["responses"].values() for name in answer["headers"]}


def _with_example(parameter: dict[str, Any]) -> dict[str, Any]:
    """Moves the example from the schema to the parameter, where Swagger UI finds it."""
    examples = parameter["schema"].pop("examples", None)
    return parameter | ({"example": examples[0]} if examples else {})


def _with_headers(status: str, answer: dict[str, Any], own: dict[str, list[str]]) -> dict[str, Any]:
    names = [*own.get(status, []), *HEADERS_BY_STATUS.get(status, []), CORRELATION_ID]
    return answer | {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}
