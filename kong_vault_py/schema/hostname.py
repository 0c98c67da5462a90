"""Host names and addresses as Kong's ``typedefs.host`` wants them (``kong/tools/ip.lua``, ``normalize_ip``)."""

from __future__ import annotations

import re

__all__ = ["host_problem"]

_PORT = re.compile(r":([0-9]+)\Z")
_NAME = re.compile(r"[0-9A-Za-z._-]+")
_IPV4 = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")
_IPV6 = re.compile(r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}")
_BRACKETED = re.compile(r"\[(.*)\](:[0-9]+)?", re.DOTALL)
_IPV6_GROUPS = 8


def host_problem(host: str) -> str | None:
    """Return Kong's words for what is wrong with a host, ``None`` for a good one."""
    bracketed = _BRACKETED.fullmatch(host)
    if host.count(":") > 1:
        address, has_port = (bracketed[1], bracketed[2] is not None) if bracketed else (host, False)
        valid = _is_ipv6(address)
    else:
        port = _PORT.search(host)
        address, has_port = (host[: port.start()], True) if port else (host, False)
        only_digits = re.fullmatch(r"[0-9.]+", host.replace(":", "")) is not None
        valid = _is_ipv4(address) if only_digits else _is_name(address)
    if not valid:
        return f"invalid value: {host}"
    return "must not have a port" if has_port else None


def _is_ipv4(address: str) -> bool:
    found = _IPV4.fullmatch(address)
    return found is not None and all(int(part) <= 255 for part in found.groups())


def _is_ipv6(address: str) -> bool:
    if address.startswith(":"):
        address = "0" + address
    if address.endswith(":"):
        address += "0"
    missing = "0:" * (_IPV6_GROUPS - address.count(":"))
    return _IPV6.fullmatch(address.replace("::", ":" + missing, 1)) is not None


def _is_name(name: str) -> bool:
    if _NAME.fullmatch(name) is None:
        return False
    *labels, last = name.split(".")
    return all(labels) and not any(label.endswith("-") for label in [*labels, last])
