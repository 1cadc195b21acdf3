"""Stage `sft`: the mean negative log-probability of the response tokens of a batch, with TRL's SFTTrainer."""

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from .job import Job
from .models import load_policy, load_tokenizer, lora_config, policy_folder
from .training import Curves, InOrder, arguments, failed, last_checkpoint, save_history, save_result, step_of


class OrderedSftTrainer(InOrder, SFTTrainer):
    """SFTTrainer on rows in rlaif's order."""


def dataset(job: Job) -> Dataset:
    """Prompt and response of each row; labels of -100 have no loss. One row for each place in a batch."""
    columns: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for row in job.rows("sequences.jsonl"):
        columns["input_ids"].append(row["prompt"] + row["response"])
        columns["labels"].append([-100] * len(row["prompt"]) + row["response"])
    order = [index for batch in job.rows("batches.jsonl") for index in batch]
    return Dataset.from_dict(columns).select(order)


def loop(job: Job) -> None:
    folder, steps = policy_folder(job), job.more["steps"]
    checkpoint = last_checkpoint(job)
    curves = Curves(job, step_of(checkpoint) if checkpoint else 0)
    trainer = OrderedSftTrainer(
        model=load_policy(folder, job),
        args=SFTConfig(**arguments(job, steps), max_length=None, packing=False),
        train_dataset=dataset(job),
        processing_class=load_tokenizer(folder),
        peft_config=lora_config(job.settings, "CAUSAL_LM"),
        callbacks=[curves],
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if curves.problem:
        raise failed(curves.problem, steps)
    save_result(trainer, "policy", job)
    if trainer.is_world_process_zero():
        save_history(trainer.state, job)
