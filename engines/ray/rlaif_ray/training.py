"""What all training stages share: the arguments of their Trainer, its checkpoints and its curves."""

import math
import shutil
import time
from pathlib import Path
from typing import Any, Callable

import torch.distributed as dist
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .failure import Diverged
from .job import Job, write_json

WHOLE = "rlaif-whole"
"""A checkpoint with a file of this name is written to its end."""
REMEDY = "lower the learning rate (learningRate), clip the gradients (maxGradientNorm) or warm up longer (warmupSteps)"


def arguments(job: Job, steps: int) -> dict[str, Any]:
    """Arguments of a Trainer by rlaif's settings, for `steps` optimizer steps."""
    settings = job.settings
    micro, slices = micro_batches(min(settings["batchSize"], job.more.get("rows", settings["batchSize"])), job)
    sharded = job.engine["sharding"] == "fsdp"
    return {
        "output_dir": str(job.folder / "trainer"),
        "max_steps": steps,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": slices,
        "learning_rate": settings["learningRate"],
        "lr_scheduler_type": {"constant": "constant_with_warmup"}.get(settings["schedule"], settings["schedule"]),
        "warmup_steps": settings["warmupSteps"],
        "optim": "adafactor" if settings["optimizer"] == "adafactor" else "adamw_torch",
        "weight_decay": settings["weightDecay"],
        "max_grad_norm": settings["maxGradientNorm"] or math.inf,  # so that the norm is measured
        "gradient_checkpointing": settings["recompute"],
        "bf16": job.engine["precision"] == "bfloat16",
        "use_cpu": job.engine["gpusPerWorker"] == 0,
        "save_strategy": "steps",
        "save_steps": settings["checkpointEvery"],
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": job.seed,
        "ddp_find_unused_parameters": False,
        **({"fsdp": "full_shard auto_wrap", "fsdp_config": {"version": 2}} if sharded else {}),
    }


def micro_batches(batch: int, job: Job) -> tuple[int, int]:
    """Rows of a pass on each worker, and passes of a step: the largest slices of at most `microBatchSize` rows."""
    each = batch // job.engine["workers"]
    micro = max(size for size in range(1, min(job.settings["microBatchSize"], each) + 1) if each % size == 0)
    return micro, each // micro


class InOrder(Trainer):
    """A Trainer that takes the rows as they come: rlaif has drawn their order."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(rows)


class Curves(TrainerCallback):
    """Reports each step, and ends the training when a figure of it is not finite or `ends` gives a reason."""

    def __init__(self, job: Job, resumed_at: int, ends: Callable[[dict[str, float]], str | None] = lambda _: None):
        self.job, self.resumed_at, self.ends = job, resumed_at, ends
        self.started = time.monotonic()
        self.problem: str | None = None
        """Why the training cannot be trusted any more."""

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.started = time.monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        entry = state.log_history[-1]
        if "loss" not in entry:
            return
        entry |= {"seconds": time.monotonic() - self.started, "resumedAt": self.resumed_at}
        broken = next((name for name, x in entry.items() if isinstance(x, float) and not math.isfinite(x)), None)
        problem = f"{broken} became {entry[broken]}" if broken else self.ends(entry)
        if problem is not None:
            self.problem = f"training: {problem} at step {state.global_step}"
            control.should_training_stop, control.should_save = True, False
        elif state.is_world_process_zero:
            metrics = {name: x for name, x in entry.items() if isinstance(x, (int, float))}
            self.job.report("training", state.global_step, state.max_steps, "steps", metrics)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        everywhere()
        if state.is_world_process_zero:
            (self.job.folder / "trainer" / f"checkpoint-{state.global_step}" / WHOLE).touch()


def everywhere() -> None:
    """Waits until every worker has come here."""
    if dist.is_initialized():
        dist.barrier()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def gathered(mine: Any) -> list[Any]:
    """What each worker gives, by its rank."""
    if not dist.is_initialized():
        return [mine]
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return parts


def whole_checkpoints(job: Job) -> list[Path]:
    """The checkpoints that were written to their end, by step."""
    found = [folder for folder in (job.folder / "trainer").glob("checkpoint-*") if (folder / WHOLE).exists()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def last_checkpoint(job: Job) -> Path | None:
    """The newest whole checkpoint; those that a killed worker has left half are removed."""
    everywhere()
    whole = whole_checkpoints(job)
    if rank() == 0:
        for folder in set((job.folder / "trainer").glob("checkpoint-*")) - set(whole):
            shutil.rmtree(folder)
    everywhere()
    return whole[-1] if whole else None


def failed(problem: str, steps: int) -> Diverged:
    return Diverged(f"{problem}; {REMEDY}. Nothing of this training, which was to take {steps} steps, is used")


def save_result(trainer: Trainer, name: str, job: Job) -> None:
    """Writes the trained model into a folder of the result, which appears whole."""
    save_model(trainer, job.result / name)


def save_model(trainer: Trainer, target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    trainer.save_model(str(partial))
    everywhere()
    if trainer.is_world_process_zero():
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    everywhere()


def save_history(state: TrainerState, job: Job) -> None:
    """The curves of the training, one row a step, with the names that Trainers give them."""
    write_json(job.result / "history.json", [entry for entry in state.log_history if "loss" in entry])
