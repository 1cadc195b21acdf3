"""What failed, in words that rlaif can give a remedy for."""

from typing import Iterator, TypedDict


class Diverged(Exception):
    """Training failed in a way that would repeat with the same settings."""


class Failure(TypedDict):
    name: str
    message: str
    final: bool
    """Whether the same job would fail again."""


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


FINAL = {"Diverged", "Refused", "ImportError", "ModuleNotFoundError", "MemoryError", "OutOfMemoryError"}
OF_PROGRAM = {"AttributeError", "KeyError", "NotImplementedError", "TypeError", "ValueError"}
"""Of a model that transformers, PEFT or TRL cannot train; or of Ray, when a worker is gone."""
LOST = {
    *("ActorDiedError", "ActorUnavailableError", "NodeDiedError", "WorkerCrashedError"),
    *("WorkerHealthCheckFailedError", "WorkerHealthCheckTimeoutError"),
}
NO_MEMORY = "can't allocate memory"
"""In PyTorch's message when a CPU has no more; the error itself is a RuntimeError."""


def is_final(error: BaseException) -> bool:
    """Whether the same work would meet the error again."""
    return type(error).__name__ in FINAL or NO_MEMORY in str(error)


def final_cause(error: BaseException) -> BaseException | None:
    """What is final among the causes. The other workers have lost one of them, which is not what failed."""
    found = list(causes(error))
    told = next((at for at in found if is_final(at)), None)
    if told is not None or any(type(at).__name__ in LOST for at in found):
        return told
    return next((at for at in found if type(at).__name__ in OF_PROGRAM), None)


def describe(error: BaseException) -> Failure:
    """The name and the message of what is final, or of the innermost cause."""
    final = final_cause(error)
    told = final or list(causes(error))[-1]
    return {
        "name": type(told).__name__,
        "message": str(told)[:4000] or type(told).__name__,
        "final": final is not None,
    }
