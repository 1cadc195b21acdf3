"""What failed, in words that rlaif can give a remedy for."""

from typing import Iterator, TypedDict


class Diverged(Exception):
    """Training failed in a way that would repeat with the same settings."""


class Failure(TypedDict):
    name: str
    message: str


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised for, through Ray's wrappers."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        at = waiting.pop(0)
        if id(at) in seen:
            continue
        seen.add(id(at))
        yield at
        failures = getattr(at, "worker_failures", None) or {}
        waiting += [e for e in (*failures.values(), getattr(at, "cause", None), at.__cause__) if e is not None]


def describe(error: BaseException) -> Failure:
    """The name and the message of the innermost cause."""
    found = list(causes(error))
    for at in found:
        if isinstance(at, Diverged) or "Diverged" in type(at).__name__:
            return {"name": "Diverged", "message": str(at)}
    innermost = found[-1]
    return {"name": type(innermost).__name__, "message": str(innermost)[:4000] or type(innermost).__name__}
