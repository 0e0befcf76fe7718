"""Random request messages in text form, valid and not."""

from __future__ import annotations

from .values import Values

COMPARES = ["version", "create_revision", "mod_revision", "value", "lease"]
TARGETS = ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]


def range_request(v: Values, sorting: bool = True) -> str:
    """A RangeRequest.  Sorting stays within eight keys: above twelve, official leaves the order of ties open."""
    if sorting and v.chance(0.25):
        return f'key: "k" range_end: "l"{_sort(v)}{_range_options(v)}'
    text = f"key: {v.key()}"
    if v.chance(0.55):
        text += f" range_end: {v.end()}"
    return text + _range_options(v)


def _sort(v: Values) -> str:
    order, target = v.random.choice([0, 1, 2, 2, 3 if v.chance(0.1) else 1]), v.random.choice([0, 1, 2, 3, 4])
    if v.chance(0.02):
        target = v.random.choice([5, -1])
    return f" sort_order: {order} sort_target: {target}"


def _range_options(v: Values) -> str:
    text = v.number("limit", [1, 2, 3, 7, 8, 100, -1], 0.3)
    if v.chance(0.3):
        text += f" revision: {v.revision()}"
    text += v.flag("serializable", 0.2) + v.flag("keys_only", 0.15) + v.flag("count_only", 0.1)
    for name in ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"):
        if v.chance(0.05):
            text += f" {name}: {v.revision()}"
    return text


def put_request(v: Values) -> str:
    text = f"key: {v.key()}"
    if v.chance(0.95):
        text += f" value: {v.value()}"
    if v.chance(0.15):
        text += f" lease: {v.lease()}"
    return text + v.flag("prev_kv", 0.25) + v.flag("ignore_value", 0.04) + v.flag("ignore_lease", 0.06)


def delete_request(v: Values) -> str:
    text = f"key: {v.key()}"
    if v.chance(0.3):
        text += f" range_end: {v.end()}"
    return text + v.flag("prev_kv", 0.4)


def compare(v: Values) -> str:
    at = v.random.randrange(5)
    text = f"key: {v.key()}"
    if v.chance(0.8):
        text += f" target: {TARGETS[at] if v.chance(0.98) else v.random.choice([5, -1])}"
    text += f" result: {v.random.choice(['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'])}"
    member = COMPARES[at if v.chance(0.95) else v.random.randrange(5)]
    if v.chance(0.95):
        given = v.value() if member == "value" else v.lease() if member == "lease" else str(_compared(v, member))
        text += f" {member}: {given}"
    if v.chance(0.15):
        text += f" range_end: {v.end()}"
    return text


def _compared(v: Values, member: str) -> int:
    return v.random.choice([0, 1, 1, 2, 3]) if member == "version" else max(0, v.revision())


def txn_request(v: Values, depth: int = 0) -> str:
    parts = [f"compare {{ {compare(v)} }}" for _ in range(v.random.choice([0, 0, 1, 1, 2]))]
    for branch in ("success", "failure"):
        for _ in range(v.random.choice([0, 1, 1, 2, 3])):
            parts.append(f"{branch} {{ {operation(v, depth)} }}")
    return " ".join(parts)


def operation(v: Values, depth: int) -> str:
    """One RequestOp; now and then an empty one."""
    draw = v.random.random()
    if draw < 0.35:
        return f"request_range {{ {range_request(v)} }}"
    if draw < 0.75:
        return f"request_put {{ {put_request(v)} }}"
    if draw < 0.9:
        return f"request_delete_range {{ {delete_request(v)} }}"
    if draw < 0.99 and depth < 3:
        return f"request_txn {{ {txn_request(v, depth + 1)} }}"
    return ""


def watch_create(v: Values, start: int) -> str:
    text = f"key: {v.key()}" if v.chance(0.97) else ""
    if v.chance(0.6):
        text += f" range_end: {v.end()}"
    if start:
        text += f" start_revision: {start}"
    text += v.flag("prev_kv", 0.4) + v.flag("progress_notify", 0.2) + v.flag("fragment", 0.1)
    if v.chance(0.15):
        text += f" filters: {v.random.choice(['NOPUT', 'NODELETE', '5'])}"
    return text
