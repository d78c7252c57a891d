# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of config.yml as plain data, or a ConfigError that says where it went wrong.

Values are built here from the parser's events, one by one, and not by PyYAML's composer: the composer recurses
without bound (its C version ends the process), keeps the last of two equal keys, and knows no limits. What an alias
repeats is counted at its full size each time, so a text that would expand without bounds is refused while it is read.
"""

from __future__ import annotations

import sys
from typing import Any, Hashable

from .._errors import ConfigError, PlatformError, Problem

try:
    import yaml

    YAML_ERROR = ""
    _Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
except ImportError as error:  # pragma: no cover
    YAML_ERROR = str(error)
    _Parser = object

MOST_CHARACTERS = 4_000_000
MOST_EXPANDED = 8_000_000
MOST_DEPTH = 60
COST_OF_A_NODE = 16

TAG = "tag:yaml.org,2002:"
PLAIN_SCALARS = frozenset(TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value"))
ANSIBLE_TAGS = ("!vault", "!vault-encrypted", "!unsafe")


def read_config(text: str) -> dict[str, Any]:
    """The mapping that *text* holds. Raises ConfigError with the line for anything else than one plain YAML map."""
    require_yaml()
    if len(text) > MOST_CHARACTERS:
        raise _problem(f"It is longer than {MOST_CHARACTERS} characters.", "Is it a config.yml at all?")
    try:
        text.encode()
        return _Reader(text).read()
    except UnicodeEncodeError as error:
        raise _problem(f"It is not UTF-8 text at character {error.start}.", "Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text) from error
    except yaml.reader.ReaderError as error:
        point = error.character if isinstance(error.character, int) else ord(error.character[:1] or "?")
        message = f"It is not YAML: the character U+{point:04X} at position {error.position} is not allowed."
        raise _problem(message, "Take it out, or write it as an escape in double quotes.") from error
    except yaml.YAMLError as error:
        raise _problem(f"It is not YAML: {error}.") from error


def require_yaml() -> Any:
    """The module yaml, or a PlatformError with the pip command for this very interpreter."""
    if YAML_ERROR:
        remedy = f"Install it: {sys.executable} -m pip install PyYAML"
        raise PlatformError(f"PyYAML cannot be imported: {YAML_ERROR}.", remedy)
    return yaml


def _problem(message: str, remedy: str = "", mark: Any = None) -> ConfigError:
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return ConfigError([Problem(place, message, remedy)])


def _not_yaml(error: Any, text: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    what = (error.problem or error.context or "cannot be parsed").strip()
    if "nesting depth" in what:  # the libyaml of PyYAML 6.0.4 stops before we do
        return _problem(f"It is nested more than {MOST_DEPTH} deep.", "Flatten it.", mark)
    remedy = "Check indentation, quotes and colons there and just above."
    lines = text.split("\n")
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        remedy = "That line has a tab character: YAML is indented with spaces."
    return _problem(f"It is not YAML: {what}.", remedy, mark)


class _Reader:
    """One pass over the parser's events. Values come with their size, as it would be with aliases written out."""

    def __init__(self, text: str) -> None:
        self._yaml = _Parser(text)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open_anchors: set[str] = set()
        self._size = 0

    def read(self) -> dict[str, Any]:
        self._yaml.get_event()
        if self._yaml.check_event(yaml.StreamEndEvent):
            raise _problem("It is empty.", "Write one with `tpaexec configure DIR --platform docker`.")
        self._yaml.get_event()
        start = self._yaml.peek_event().start_mark
        value, _size = self._value(0)
        self._yaml.get_event()
        if not self._yaml.check_event(yaml.StreamEndEvent):
            second = self._yaml.peek_event().start_mark
            raise _problem("A second YAML document begins here.", "config.yml is one.", second)
        if not isinstance(value, dict):
            raise _problem("Its top level is not a map of keys to values.", "It begins with `cluster_name: …`.", start)
        return value

    def _value(self, depth: int) -> tuple[Any, int]:
        event = self._yaml.get_event()
        if depth > MOST_DEPTH:
            raise _problem(f"It is nested more than {MOST_DEPTH} deep.", "Flatten it.", event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor:
            self._open_anchors.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            value, size = self._scalar(event)
            self._grow(size, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value, size = self._sequence(event, depth)
        else:
            value, size = self._mapping(event, depth)
        if event.anchor:
            self._open_anchors.discard(event.anchor)
            self._anchors[event.anchor] = (value, size)
        return value, size

    def _grow(self, size: int, event: Any) -> None:
        self._size += size
        if self._size > MOST_EXPANDED:
            raise _problem(
                "It expands without bounds: its aliases (*name) repeat more than can be meant.",
                "Take out aliases of lists that hold aliases.",
                event.start_mark,
            )

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor in self._open_anchors:
            raise _problem(f"*{event.anchor} stands inside what it repeats.", "Take it out.", event.start_mark)
        if event.anchor not in self._anchors:
            raise _problem(f"*{event.anchor} is used, but no &{event.anchor} stands before.", "", event.start_mark)
        value, size = self._anchors[event.anchor]
        self._grow(size, event)
        return value, size

    def _scalar(self, event: Any) -> tuple[Any, int]:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._yaml.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in PLAIN_SCALARS:
            raise _refuse_tag(event)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            event.value.encode()
            text_only = tag in (TAG + "str", TAG + "merge", TAG + "value")
            value = event.value if text_only else self._yaml.construct_object(node)
            _refuse_base_60(tag, event)
        except (ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
            kind = tag[len(TAG) :]
            raise _problem(f"This is no valid {kind} value.", "Put it in quotes.", event.start_mark) from error
        return value, COST_OF_A_NODE + len(event.value)

    def _sequence(self, event: Any, depth: int) -> tuple[list[Any], int]:
        if event.tag not in (None, "!", TAG + "seq"):
            raise _refuse_tag(event)
        self._grow(COST_OF_A_NODE, event)
        items, size = [], COST_OF_A_NODE
        while not self._yaml.check_event(yaml.SequenceEndEvent):
            item, item_size = self._value(depth + 1)
            items.append(item)
            size += item_size
        self._yaml.get_event()
        return items, size

    def _mapping(self, event: Any, depth: int) -> tuple[dict[Any, Any], int]:
        if event.tag not in (None, "!", TAG + "map"):
            raise _refuse_tag(event)
        self._grow(COST_OF_A_NODE, event)
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        lines: dict[Hashable, int] = {}
        size = COST_OF_A_NODE
        while not self._yaml.check_event(yaml.MappingEndEvent):
            key_event = self._yaml.peek_event()
            key, key_size = self._value(depth + 1)
            _check_key(key, key_event, lines)
            value, value_size = self._value(depth + 1)
            size += key_size + value_size
            if _is_merge(key_event):
                merged = _merge(value, key_event)
            else:
                own[key] = value
        self._yaml.get_event()
        return ({**merged, **own} if merged else own), size


def _check_key(key: Any, event: Any, lines: dict[Hashable, int]) -> None:
    """A key is one plain value, and stands once in its map."""
    if isinstance(key, (dict, list)):
        raise _problem("A key is one word, not a list or a map.", "Check the colons there.", event.start_mark)
    same = (type(key), key)
    if same in lines:
        message = f'The key "{str(key)[:60]}" is given twice: first on line {lines[same]}.'
        raise _problem(message, "Keep one of them.", event.start_mark)
    lines[same] = event.start_mark.line + 1


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style and event.tag is None


def _merge(value: Any, event: Any) -> dict[Any, Any]:
    """What `<<: value` brings in; of several maps, the first one that has a key wins."""
    sources = value if isinstance(value, list) else [value]
    merged: dict[Any, Any] = {}
    for source in reversed(sources):
        if not isinstance(source, dict):
            raise _problem("<< takes a map, or a list of maps.", "", event.start_mark)
        merged.update(source)
    return merged


def _refuse_base_60(tag: str, event: Any) -> None:
    """YAML 1.1 reads `22:22` as the number 1342, which nobody means who publishes a port."""
    if ":" in event.value and tag in (TAG + "int", TAG + "float"):
        message = f"{event.value[:40]} without quotes is a number to base 60 in YAML."
        raise _problem(message, f'Write "{event.value[:40]}" in quotes.', event.start_mark)


def _refuse_tag(event: Any) -> ConfigError:
    if event.tag in ANSIBLE_TAGS:
        message = f"The tag {event.tag} cannot be used in config.yml: the file is read as plain data."
        remedy = (
            "Put the variable into a file of your own under inventory/group_vars/: Ansible reads that with its vault."
        )
    else:
        message = f"The tag {str(event.tag)[:60]} is not plain data."
        remedy = "Take it out: plain words, numbers, lists and maps are all that config.yml has."
    return _problem(message, remedy, event.start_mark)
