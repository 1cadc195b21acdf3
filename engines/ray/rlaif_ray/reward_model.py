"""Stage `reward-model`: a score head on the SFT model, with TRL's RewardTrainer and the loss of soft labels.

L = −(1/B) Σ [ p log σ(r₁ − r₂) + (1 − p) log σ(r₂ − r₁) ]
"""

from typing import Any, Sequence

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel, TrainerControl, TrainerState, TrainingArguments
from trl import RewardConfig, RewardTrainer

from .job import Job, write_json
from .models import load_scorer, load_tokenizer, lora_config, padded, policy_folder, scores_of
from .training import (
    Curves,
    InOrder,
    arguments,
    failed,
    gathered,
    last_checkpoint,
    save_history,
    save_result,
    step_of,
)

CHECKED_ROWS = 8
"""Sequences whose scores are computed with padding on the left as well."""


def preference_loss(first: Tensor, second: Tensor, p: Tensor) -> Tensor:
    """The mean loss of scores [B] and [B] at the probabilities [B] that the first response is better."""
    margin = first - second
    return -(p * logsigmoid(margin) + (1 - p) * logsigmoid(-margin)).mean()


class SoftLabelTrainer(InOrder, RewardTrainer):
    """RewardTrainer whose column `margin` holds p."""

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        scores = scores_of(model, inputs["input_ids"], inputs["attention_mask"])
        first, second = scores.chunk(2)
        p = inputs["margin"].to(scores.dtype)
        right = ((first > second) == (p > 0.5)).float().mean()
        self._metrics["train"]["accuracy"].append(self.accelerator.gather(right).mean().item())
        return preference_loss(first, second, p)


class PlateauCurves(Curves):
    """Ends the training after an epoch whose mean loss is hardly below that of the epoch before."""

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        super().on_log(args, state, control, **more)
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        if has_plateaued(losses, self.job.more["stepsOfEpoch"], self.job.settings["plateau"]):
            control.should_training_stop = True


def has_plateaued(losses: Sequence[float], epoch: int, share: float) -> bool:
    """Whether an epoch of so many steps has just ended whose mean loss is not `share` below that of the one before."""
    if share == 0 or len(losses) < 2 * epoch or len(losses) % epoch != 0:
        return False
    return sum(losses[-epoch:]) > (1 - share) * sum(losses[-2 * epoch : -epoch])


def dataset(job: Job) -> Dataset:
    pairs = job.rows("pairs.jsonl")
    order = [index for batch in job.rows("batches.jsonl") for index in batch]
    return Dataset.from_dict(
        {
            "chosen_ids": [pair["prompt"] + pair["first"] for pair in pairs],
            "rejected_ids": [pair["prompt"] + pair["second"] for pair in pairs],
            "margin": [float(pair["preferFirst"]) for pair in pairs],
        }
    ).select(order)


def with_head(job: Job) -> PreTrainedModel:
    """The SFT model with the score head that rlaif has drawn, so that the start does not depend on the engine."""
    model = load_scorer(policy_folder(job))
    score: Any = model.score
    score.weight.data = torch.tensor([job.more["head"]], dtype=torch.float32)
    return model


def loop(job: Job) -> None:
    steps = job.more["steps"]
    checkpoint = last_checkpoint(job)
    curves = PlateauCurves(job, step_of(checkpoint) if checkpoint else 0)
    trainer = SoftLabelTrainer(
        model=with_head(job),
        args=RewardConfig(**arguments(job, steps), max_length=None),
        train_dataset=dataset(job),
        processing_class=load_tokenizer(policy_folder(job)),
        peft_config=lora_config(job.settings, "SEQ_CLS", ["score"]),
        callbacks=[curves],
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if curves.problem:
        raise failed(curves.problem, steps)
    save_result(trainer, "policy", job)
    score_all(trainer, job)
    if trainer.is_world_process_zero():
        save_history(trainer.state, job)


def score_all(trainer: RewardTrainer, job: Job) -> None:
    """Scores the sequences that rlaif measures the model by, each worker its part."""
    sequences = job.rows("measured.jsonl")
    rank, workers = trainer.args.process_index, trainer.args.world_size
    mine = scores(trainer, sequences[rank::workers], job, "right")
    parts = gathered(mine)
    all_scores = [parts[i % workers][i // workers] for i in range(len(sequences))]
    left = scores(trainer, sequences[:CHECKED_ROWS], job, "left")
    if trainer.is_world_process_zero():
        write_json(job.result / "scores.json", {"scores": all_scores, "leftPadded": left})


@torch.no_grad()
def scores(trainer: RewardTrainer, sequences: Sequence[Sequence[int]], job: Job, side: str) -> list[float]:
    model = trainer.model_wrapped.eval()
    size, out = job.settings["microBatchSize"], []
    for start in range(0, len(sequences), size):
        ids, mask = padded(sequences[start : start + size], 0, side)
        out += scores_of(model, ids.to(trainer.args.device), mask.to(trainer.args.device)).tolist()
        if trainer.is_world_process_zero():
            job.report("scoring responses", len(out), len(sequences), "responses")
    return out
