"""`python -m rlaif_ray FOLDER`: does the job that rlaif has written into a folder that all nodes share."""

import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import ray

from .failure import describe
from .generation import sample
from .job import Job, read_job, write_json
from .workers import train_on_workers

TRAINED = {"sft": "rlaif_ray.sft", "reward-model": "rlaif_ray.reward_model", "rl": "rlaif_ray.rl"}
"""The module of each stage that trains; the others sample."""


def end_with_parent() -> None:
    """On the worker's own machine: ends when standard input does, that is with the process that started this one."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def compute(job: Job) -> None:
    if job.stage in TRAINED:
        train_on_workers(job, TRAINED[job.stage])
    else:
        sample(job)


def main(folder: Path) -> int:
    job = read_job(folder)
    if job.is_local:
        threading.Thread(target=end_with_parent, daemon=True).start()
    ray.init(address="local" if job.is_local else "auto", include_dashboard=False, log_to_driver=True)
    try:
        compute(job)
    except Exception as error:  # whatever it is, rlaif is told what and where
        traceback.print_exc()
        write_json(job.outcome, {"failed": describe(error)})
        return 1
    write_json(job.outcome, {"done": True})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
