"""Stages `sample` and `respond`: a policy's responses, in blocks of rows that Ray's actors share.

A block is seeded by its number and kept when it is done: neither the number of workers nor a lost one changes the rows.
"""

import json
from pathlib import Path
from typing import Sequence

import ray
from ray.util import ActorPool

from .job import Job, read_lines
from .workers import prepare, waiting_for

BLOCK_ROWS = 32


def sample(job: Job) -> None:
    prepare(job)
    blocks = -(-len(job.rows("prompts.jsonl")) // BLOCK_ROWS)
    missing = [block for block in range(blocks) if not block_file(job.folder, block).exists()]
    answer_all(job, missing, blocks)
    job.result.mkdir(exist_ok=True)
    partial = job.result / "responses.jsonl.partial"
    with partial.open("w") as out:
        for block in range(blocks):
            for response in next(read_lines(block_file(job.folder, block))):
                out.write(json.dumps(response) + "\n")
    partial.replace(job.result / "responses.jsonl")


def block_file(folder: Path, block: int) -> Path:
    """A list of {ids, stopped}."""
    return folder / "blocks" / f"block-{block:06d}.json"


def answer_all(job: Job, missing: Sequence[int], blocks: int) -> None:
    """Has the missing blocks answered; a lost actor is started again, and its block with it."""
    gpus = job.engine["gpusPerWorker"]
    kind = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=-1)(Answering)
    actors = [kind.remote(str(job.folder)) for _ in range(min(job.engine["workers"], len(missing)))]
    job.report(waiting_for(job), 0, 1, "groups")
    pool = ActorPool(actors)
    for done, _ in enumerate(pool.map_unordered(lambda actor, block: actor.answer.remote(block), list(missing)), 1):
        job.report("sampling", blocks - len(missing) + done, blocks, "blocks")


class Answering:
    """The actor: it loads what it needs where it runs."""

    def __init__(self, folder: str):
        from .sampler import Sampler  # the driver does without

        self.sampler = Sampler(folder)

    def answer(self, block: int) -> int:
        return self.sampler.answer(block)
