"""The OpenAPI document beyond the models: names for people, headers, and the problems that any operation may answer."""

from typing import Any

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.info import Info
from flask_openapi.models.license import License
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI
from pydantic import ValidationError

from chassis.web import problems

CORRELATION_HEADER = "X-Correlation-Id"
TEXT = {"type": "string"}
HEADERS: dict[str, dict[str, Any]] = {
    CORRELATION_HEADER: {"description": "the id under which the logs have this request", "schema": TEXT},
    "ETag": {"description": "the version of what is answered, for `If-Match` and `If-None-Match`", "schema": TEXT},
    "Location": {"description": "where it is, or will be", "schema": TEXT | {"format": "uri-reference"}},
    "Accept": {"description": "what is read", "schema": TEXT, "required": False},
    "Accept-Encoding": {"description": "`identity`, after a compressed body", "schema": TEXT, "required": False},
    "Retry-After": {"description": "seconds to wait before the next try", "schema": {"type": "integer", "minimum": 0}},
}
PARAMETER = {
    "name": CORRELATION_HEADER,
    "in": "header",
    "description": "an id of your own for this request: up to 128 letters, digits and `._-`; any other is replaced",
    "schema": TEXT,
}
SERVER = {"url": "/", "description": "the server that this document was read from"}
PROBLEM = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def responses(**details: str) -> dict[Any, Any]:
    """The `responses` of OpenAPI for problems: `responses(_404="…", _409="…")`."""
    return {status.lstrip("_"): {"description": text, "content": PROBLEM} for status, text in details.items()}


ANY = responses(_400="malformed", _422="invalid", _503="a dependency is down, or the outcome is not known")
BODY = responses(_413="the body is over 64 KB", _415="not JSON, or compressed")
LICENSE = License(name="Apache-2.0", identifier="Apache-2.0")
SENDS = "x-sends"
SENT_WITH = {"415": ["Accept", "Accept-Encoding"], "503": ["Retry-After"]}
PLACES = ["path", "query", "header"]


class Documented(OpenAPI):
    """An app whose document says, of every operation, what they all have in common."""

    def __init__(self, name: str, description: str, problem: type[problems.Problem]) -> None:
        super().__init__(
            name,
            info=Info(title=f"Shopwire {name}", version="1", description=description, license=LICENSE),
            doc_prefix="/docs",
            validation_error_model=problem,
            validation_error_callback=self._refuse,
            static_folder=None,
        )
        self.openapi_version = "3.1.0"
        self.config["SWAGGER_CONFIG"] = {"validatorUrl": None}  # else browsers send swagger.io the document they show

    def _refuse(self, error: ValidationError) -> Response:
        there = self.create_url_adapter(request)
        patchable = request.method == "PUT" and there is not None and "PATCH" in there.allowed_methods()
        return problems.response(problems.invalid(error, patchable=patchable))

    def generate_spec_json(self) -> None:
        super().generate_spec_json()  # type: ignore[no-untyped-call] # the library's method has no annotation
        operations = [operation for path in self.spec_json["paths"].values() for operation in path.values()]
        used = {name for operation in operations for name in _complete(operation)}
        self.spec_json |= {"servers": [SERVER], "security": []}
        headers = {name: {"required": True} | HEADERS[name] for name in sorted(used)}
        self.spec_json["components"] |= {"headers": headers, "parameters": {CORRELATION_HEADER: PARAMETER}}


def blueprint(name: str, import_name: str, tag: str, description: str) -> APIBlueprint:
    """Routes below `/name`. A view's name, in camel case, is the id of its operation: generators name methods by it."""
    return APIBlueprint(
        name,
        import_name,
        url_prefix=f"/{name}",
        abp_tags=[Tag(name=tag, description=description)],
        abp_responses=ANY,
        operation_id_callback=lambda *, name, **_: _camel_case(name),
    )


def sends(**headers: str) -> dict[str, Any]:
    """The `HEADERS` that an operation answers, by status: `openapi_extensions=sends(_201="Location ETag")`."""
    return {SENDS: {status.lstrip("_"): names.split() for status, names in headers.items()}}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _complete(operation: dict[str, Any]) -> set[str]:
    """Returns the headers that it answers."""
    own = operation.pop(SENDS, {})
    answers = operation["responses"] | (BODY if "requestBody" in operation else {})
    operation["responses"] = {status: _with_headers(status, answers[status], own) for status in sorted(answers)}
    parameters = sorted(operation.get("parameters", []), key=lambda each: PLACES.index(each["in"]))
    reference = {"$ref": f"#/components/parameters/{CORRELATION_HEADER}"}
    operation["parameters"] = [*map(_with_example, parameters), reference]
    return {name for answer in operation["responses"].values() for name in answer["headers"]}


def _with_example(parameter: dict[str, Any]) -> dict[str, Any]:
    """Swagger UI fills in the example of a parameter, not those of its schema."""
    examples = parameter["schema"].pop("examples", None)
    return parameter | ({"example": examples[0]} if examples else {})


def _with_headers(status: str, answer: dict[str, Any], own: dict[str, list[str]]) -> dict[str, Any]:
    names = [*own.get(status, []), *SENT_WITH.get(status, []), CORRELATION_HEADER]
    return answer | {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}
