"""Ray's workers around the stages. The driver loads neither transformers nor TRL: its workers do."""

import os
from importlib import import_module

import ray
import torch
from ray import train
from ray.train.torch import TorchTrainer

from .failure import final_cause
from .job import Job

RESTARTS = 3
"""Of the group of workers, when one of them or its node is lost."""


def train_on_workers(job: Job, module: str) -> None:
    """Runs `module.loop` on all workers of Ray Train, again when one is lost: it resumes from its last checkpoint."""
    prepare(job)
    for restarts in range(RESTARTS + 1):
        try:
            return fit(job, module)
        except train.TrainingFailedError as error:
            if restarts == RESTARTS or final_cause(error) is not None:
                raise
            print(f"rlaif: workers were lost, starting them again: {error}", flush=True)


def fit(job: Job, module: str) -> None:
    gpus = job.engine["gpusPerWorker"]
    trainer = TorchTrainer(
        lambda: train_here(job, module),
        scaling_config=train.ScalingConfig(
            num_workers=job.engine["workers"],
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": 1, **({"GPU": gpus} if gpus > 0 else {})},
        ),
        run_config=train.RunConfig(
            name="train",
            storage_path=str(job.folder / "ray-train"),
            failure_config=train.FailureConfig(max_failures=0),  # Ray would repeat whatever has failed
        ),
    )
    job.report(waiting_for(job), 0, 1, "groups")
    trainer.fit()


def train_here(job: Job, module: str) -> None:
    """What each worker does."""
    use_cores(train.get_context().get_local_world_size())
    import_module(module).loop(job)


def use_cores(sharing: int) -> None:
    """Without GPUs, the workers of a node share its cores; Ray gives each of them one thread."""
    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // sharing))


def prepare(job: Job) -> None:
    """Merges the adapters of the policy, if it has some, before the workers load it."""
    if job.model["adapters"] or job.more.get("rewardModel", {}).get("adapters"):
        import_module("rlaif_ray.models").merge_all(job)


def waiting_for(job: Job) -> str:
    """What is waited for; a cluster that is too small says so."""
    has, engine = ray.cluster_resources(), job.engine
    short = [
        f"the cluster has {has.get(name, 0):.0f} of {needed} {name}s"
        for name, needed in (("CPU", engine["workers"]), ("GPU", engine["workers"] * engine["gpusPerWorker"]))
        if has.get(name, 0) < needed
    ]
    return f"waiting for {engine['workers']} workers" + (f": {', '.join(short)}" if short else "")
