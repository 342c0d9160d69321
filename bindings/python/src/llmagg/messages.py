"""Messages and the functions that a model may call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Union

from ._absent import no_dict
from ._fields import Record, brief, grown, later, spread
from ._parameters import nearest, told_of
from ._shown import in_json
from ._wire import build, decode, expect_object, template
from .errors import BadResponseError, InvalidArgumentError


class MessageRole(str, Enum):
    """The role of a message. FUNCTION is the old form of TOOL, DEVELOPER the new form of SYSTEM."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    FUNCTION = "function"
    TOOL = "tool"
    DEVELOPER = "developer"


_ROLES: dict[Any, MessageRole] = {role.value: role for role in MessageRole}


def role_of(value: Any) -> MessageRole | str:
    """The MessageRole of a known role; any other value itself. None means assistant."""
    if value is None:
        return MessageRole.ASSISTANT
    role: MessageRole | str = value  # the core refuses other types, with their place
    return _ROLES.get(value, role) if isinstance(value, str) else role


if TYPE_CHECKING:
    Role = Union[MessageRole, str]
else:
    Role = MessageRole  # msgspec reads the annotations and takes no union of an Enum and str


@no_dict
@grown(2, needed=True)
@later
@told_of
@dataclass(repr=False, eq=False)
class Message(Record):
    """A message of a request or of an answer.

    ``content`` is a text, a list of OpenAI content parts (dicts: text, image_url, input_audio, file), or None, as in
    an answer that only calls tools. ``tool_calls`` are plain dicts in OpenAI's shape. Fields that are None are not
    sent; ``extra`` holds all other fields, of requests and of answers.
    """

    role: Role
    content: str | list[Any] | None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    function_call: dict[str, Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    audio: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.role) is not MessageRole:
            self.role = role_of(self.role)
            if type(self.role) is str and (near := nearest(self.role, _ROLES)):
                raise InvalidArgumentError(f"the role {self.role!r} is unknown; did you mean {near!r}?")

    __repr__ = brief

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The pieces of an answer in their order, if the other fields alone would lose information.

        Each is ``{"type", "bytes", "id", "owner", "raw"}``. A text or a thought is the next ``bytes`` bytes of UTF-8 in
        ``content`` or ``reasoning_content``; a call is the entry of ``tool_calls`` with that ``id``. ``raw`` is the
        vendor's own data, byte for byte; it is sent back only to its ``owner`` ("vendor/model").
        """
        parts = self.extra.get("parts")
        return parts if isinstance(parts, list) else []

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Message:
        """Reads a message in OpenAI's shape; a missing role means assistant, a missing content None."""
        message = build(cls, expect_object(data, "a message"), _MESSAGE)
        message.role = role_of(message.role)
        return message

    def to_dict(self) -> dict[str, Any]:
        """The message in OpenAI's shape."""
        role = self.role
        wire: dict[str, Any] = {"role": role._value_ if isinstance(role, Enum) else role}
        for key in _MESSAGE_REST:
            if (value := getattr(self, key)) is not None:
                wire[key] = value
        return {**wire, **self.extra} if self.extra else wire


_MESSAGE = template(Message)


def of_fields(message: dict[str, Any]) -> dict[str, Any]:
    """A message of a request that ``vars`` or ``dataclasses.asdict`` made of a Message, in the shape of the wire; any
    other message itself.
    """
    if "extra" in message and spread(message, _MESSAGE.keys()) is not message:
        return Message.from_dict(message).to_dict()
    return message


_MESSAGE_REST = tuple(k for k in _MESSAGE if k != "role")
_DELTA = template(Message, role=MessageRole.ASSISTANT, content="")


def delta_from_dict(data: dict[str, Any] | None) -> Message:
    """Reads a stream's delta: the role defaults to assistant, the content to ""."""
    message = build(Message, expect_object(data, "a delta") if data is not None else {}, _DELTA)
    message.role = role_of(message.role)
    if message.content is None:
        message.content = ""
    return message


def text_of(message: Message) -> str:
    """The text of a message: its content, or the text parts of it joined; "" without any."""
    content = message.content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content or ""


@no_dict
@dataclass(frozen=True, repr=False, eq=False)
class ToolCall(Record):
    """A function that an answer asks the application to call. ``arguments`` is the JSON text that the model
    wrote, ``{}`` where it wrote none and was done.

    Example::

        for call in response.tool_calls:
            result = tools[call.name](**call.parsed())
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    """

    id: str
    name: str
    arguments: str = ""
    type: str = "function"

    def __hash__(self) -> int:  # type: ignore[override]
        return hash((self.id, self.name, self.arguments, self.type))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ToolCall:
        """Reads an entry of a message's ``tool_calls``; for a tool of another type its ``input`` is the arguments."""
        kind = data.get("type") or "function"
        called = data.get(kind)
        called = called if isinstance(called, dict) else {}
        arguments = called.get("arguments") or called.get("input") or ""
        return cls(str(data.get("id") or ""), str(called.get("name") or ""), str(arguments), str(kind))

    def parsed(self) -> dict[str, Any]:
        """The arguments as a dict. Raises BadResponseError if they are not a JSON object, or if there are none: then
        the answer was cut off before them."""
        what = f"the arguments of the call of {self.name}"
        if not self.arguments.strip():  # the core writes {} where the model was done
            raise BadResponseError(
                f"{what} are empty: the answer may have been cut off before them; look at its finish_reason"
            )
        read = decode(self.arguments.encode(), what)
        if not isinstance(read, dict):
            raise BadResponseError(f"{what} must be an object, got {in_json(read)}")
        return read


@grown(3, needed=True)
@told_of
@dataclass(repr=False, eq=False)
class Function(Record):
    """A function that a model may call (the old form of tools). ``parameters`` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The function in OpenAI's shape."""
        return {key: value for key, value in vars(self).items() if value is not None}
