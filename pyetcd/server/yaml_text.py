"""YAML as etcd's library reads it: PyYAML with Go's idea of which plain words are numbers and booleans."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BOOLEAN = re.compile(r"^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$")
_INTEGER = re.compile(r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")


class YamlSyntax(ValueError):
    """The text is no YAML; says in which line and why."""


class _Loader(yaml.SafeLoader):
    """Without PyYAML's times, dates and numbers in base sixty."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # the name and shape PyYAML wants


def _boolean(loader: _Loader, node: Any) -> bool:
    word = str(loader.construct_scalar(node)).lower()
    return word in ("y", "yes", "true", "on")


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEAN, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", _NULL, ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])
_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)


def parse_yaml(data: bytes) -> Any:
    """The first document; raises YamlSyntax."""
    try:
        return yaml.load(data, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise YamlSyntax(where + str(getattr(error, "problem", None) or error)) from None
