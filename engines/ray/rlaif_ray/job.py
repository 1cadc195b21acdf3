"""The folder of a job: what rlaif asks for, and what this program tells it. All nodes of the cluster share it.

job.json          the job; *.jsonl: its rows, as token ids
progress.json     how far it is, replaced whole
outcome.json      how it ended
trainer/          checkpoints of transformers' Trainer
result/           what becomes the artifact
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator


@dataclass(frozen=True)
class Job:
    """A job, as rlaif has written it; the names of its settings are those of rlaif."""

    folder: Path
    stage: str
    seed: int
    is_local: bool
    engine: dict[str, Any]
    """`workers`, `gpusPerWorker`, `precision`, `sharding`, `vllm`."""
    model: dict[str, Any]
    """`folder`, `adapters`, `stopIds`."""
    settings: dict[str, Any]
    """Settings of the stage."""
    more: dict[str, Any]
    """What only this stage has."""

    @property
    def outcome(self) -> Path:
        return self.folder / "outcome.json"

    @property
    def result(self) -> Path:
        return self.folder / "result"

    def rows(self, name: str) -> list[Any]:
        """The rows of a file of the job; none if it is not there."""
        return list(read_lines(self.folder / name))

    def report(self, phase: str, done: int, total: int, unit: str, metrics: dict[str, float] | None = None) -> None:
        """Says how far the job is."""
        progress = {"phase": phase, "done": done, "total": total, "unit": unit}
        write_json(self.folder / "progress.json", progress | ({"metrics": metrics} if metrics else {}))


def read_job(folder: Path) -> Job:
    return Job(folder=folder, **json.loads((folder / "job.json").read_text()))


def read_lines(file: Path) -> Iterator[Any]:
    if not file.exists():
        return
    with file.open() as lines:
        for line in lines:
            yield json.loads(line)


def write_json(file: Path, value: Any) -> None:
    """Writes a file that appears whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(value))
    partial.replace(file)
