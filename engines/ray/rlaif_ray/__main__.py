"""`python -m rlaif_ray FOLDER`: does the job that rlaif has written into a folder that all nodes share."""

import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import ray

from . import generation, reward_model, rl, sft
from .failure import describe
from .job import read_job, write_json

STAGES = {
    "sft": sft.run,
    "sample": generation.run,
    "respond": generation.run,
    "reward-model": reward_model.run,
    "rl": rl.run,
}


def end_with_parent() -> None:
    """On the worker's own machine: ends when standard input does, that is with the process that started this one."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> int:
    job = read_job(folder)
    if job.is_local:
        threading.Thread(target=end_with_parent, daemon=True).start()
    ray.init(address="local" if job.is_local else "auto", include_dashboard=False, log_to_driver=True)
    try:
        STAGES[job.stage](job)
    except Exception as error:  # whatever it is, rlaif is told what and where
        traceback.print_exc()
        write_json(job.outcome, {"failed": describe(error)})
        return 1
    write_json(job.outcome, {"done": True})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
