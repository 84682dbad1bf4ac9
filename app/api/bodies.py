"""Bodies: read once and bounded, of a media type that is expected, and validated with faults that name their place.

Which members a body may have is said by its type in `schemas`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from typing_extensions import is_typeddict

from app.api.problems import MAX_FAULTS, BodyTooLarge, MediaTypeNotSupported
from app.errors import BadInput, Fault

T = TypeVar("T")

SMALL_BODY = 64 * 2**10
BODY = 2**20
LARGE_BODY = 64 * 2**20
JSON_TYPES = ("application/json",)


class Body(Generic[T]):
    """A JSON body of one type."""

    def __init__(self, shape: type[T], limit: int = BODY) -> None:
        self.shape = shape
        self.limit = limit
        self.adapter: TypeAdapter[T] = TypeAdapter(shape)
        self._members = members_of(shape)

    async def read(self, request: Request) -> bytes:
        """The bytes of the body. Raises BodyTooLarge and MediaTypeNotSupported."""
        require_media_type(request, JSON_TYPES)
        return await read_body(request, self.limit)

    async def content_if_any(self, request: Request) -> T | None:
        """As `content`; None for a request without a body, whatever media type it names."""
        body = await read_body(request, self.limit)
        if not body:
            return None
        require_media_type(request, JSON_TYPES)
        return self.parse(body)

    def parse(self, body: bytes) -> T:
        """The body's content. Raises BadInput with a JSON pointer for every fault."""
        try:
            return self.adapter.validate_json(body)
        except ValidationError as error:
            lines = error.errors(include_url=False, include_input=False, include_context=True)
            raise BadInput(_summary(error.error_count()), [self._fault(line) for line in lines[:MAX_FAULTS]]) from None

    async def content(self, request: Request) -> T:
        """Read and parse a body of moderate size."""
        return self.parse(await self.read(request))

    def _fault(self, line: Mapping[str, Any]) -> Fault:
        place = line["loc"]
        if line["type"] != "extra_forbidden":
            return Fault(pointer(place), line["msg"].removeprefix("Value error, "))
        accepted = self._members.get(tuple(part for part in place[:-1] if isinstance(part, str)), ())
        return Fault(pointer(place), unknown("a member", str(place[-1]), accepted))


def members_of(shape: object, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The names of the members of a typed dictionary and of those within it, by the path that leads there."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    if is_typeddict(shape):
        hints = get_type_hints(shape)
        found[path] = tuple(hints)
        for name, hint in hints.items():
            found |= members_of(hint, (*path, name))
    elif get_origin(shape) is not None:
        for argument in get_args(shape):
            found |= members_of(argument, path)
    return found


def pointer(place: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def unknown(what: str, name: str, accepted: Iterable[str]) -> str:
    """The sentence about a name that is not known."""
    names = ", ".join(accepted)
    return (
        f"“{name[:100]}” is not {what} that is known here; accepted are: {names}"
        if names
        else f"“{name[:100]}” is not known here; nothing is accepted"
    )


def _summary(count: int) -> str:
    return "The body cannot be accepted: one fault." if count == 1 else f"The body cannot be accepted: {count:,} faults."


def require_media_type(request: Request, accepted: Iterable[str]) -> str:
    """The media type of the body, without parameters."""
    sent = request.headers.get("content-type", "")
    media_type = sent.partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise MediaTypeNotSupported(sent[:100], accepted)
    return media_type


def refuse_too_large(request: Request, limit: int) -> None:
    """Raise BodyTooLarge where the header announces more than the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise BodyTooLarge(limit)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it. Raises BodyTooLarge."""
    refuse_too_large(request, limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
    return b"".join(chunks)
