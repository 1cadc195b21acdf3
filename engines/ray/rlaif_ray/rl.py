"""Stage `rl`: RLOO with TRL's RLOOTrainer, against a reward model or the labeler.

    R_i = (1−β) r_i − β Σ_t k1_it,   A_i = R_i − mean_{j ≠ i} R_j

TRL maximizes r − β KL: it gets (1−β) r as its reward. Prompts come as token ids, in rlaif's order.
"""

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import torch
from datasets import Dataset
from transformers import TrainerControl, TrainerState, TrainingArguments
from trl import RLOOConfig, RLOOTrainer

from .job import Job, read_lines, write_json
from .models import load_policy, load_tokenizer, lora_config, policy_folder
from .rewards import Score, open_score, with_eos_rule
from .training import (
    Curves,
    arguments,
    everywhere,
    failed,
    gathered,
    last_checkpoint,
    save_model,
    save_result,
    step_of,
    whole_checkpoints,
)

NO_PENALTY = 1e-12
"""β of 0: TRL would then not measure KL."""


class PromptTrainer(RLOOTrainer):
    """RLOOTrainer whose prompts are the numbers of rows with token ids."""

    rows: Sequence[dict[str, Any]] = ()

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self.rows[int(prompt)]["prompt"] for prompt in prompts], None, {}

    @torch.no_grad()
    def answer(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Greedy responses of the policy as it is."""
        with self.greedy():
            return self._generate_single_turn(list(prompts), None, {})

    @contextmanager
    def greedy(self) -> Iterator[None]:
        config, arguments = self.generation_config, self.generation_kwargs
        model: Any = self.model
        alone = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "min_p": None}
        self.generation_kwargs = {**arguments, **alone}
        self.generation_config = type(config)(**self.generation_kwargs, disable_compile=True)
        model.eval()
        try:
            yield
        finally:
            self.generation_config, self.generation_kwargs = config, arguments
            model.train()


class Validation(Curves):
    """Curves that end with a collapse of the policy, and validation every so many steps."""

    def __init__(self, job: Job, resumed_at: int):
        super().__init__(job, resumed_at, lambda entry: collapsed(entry, job.settings))
        self.trainer: PromptTrainer
        self.score: Score
        self.held = job.rows("held.jsonl")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        entry = state.log_history[-1]
        if "loss" in entry:
            entry |= {"kl": entry["kl"] * entry["completions/mean_length"], "length": entry["completions/mean_length"]}
        super().on_log(args, state, control, **more)
        step = state.global_step
        is_due = step % self.job.settings["validateEvery"] == 0 or step == state.max_steps
        if self.held and self.problem is None and "loss" in entry and is_due:
            entry["validationReward"] = self.validate(step)

    def validate(self, step: int) -> float:
        """The mean reward of the held-out prompts; keeps the policy if it is among the best."""
        if self.trainer.is_world_process_zero():
            self.job.report("training", step, self.trainer.args.max_steps, "steps", None)
        responses, rewards = self.answers()
        reward = sum(rewards) / len(rewards)
        record = {"step": step, "reward": reward, "responses": responses}
        if self.trainer.is_world_process_zero():
            write_json(self.job.folder / "validations" / f"step-{step:08d}.json", record)
        everywhere()
        if step > 0 and is_candidate(record, self.job):
            save_model(self.trainer, candidate_folder(self.job, step))
            if self.trainer.is_world_process_zero():
                remove_others(self.job, step)
        return reward

    def answers(self) -> tuple[list[list[int]], list[float]]:
        """Each worker answers its part, and all of them as many prompts: weights may be spread over them."""
        rank, workers, held = self.trainer.args.process_index, self.trainer.args.world_size, self.held
        each = -(-len(held) // workers)
        mine = [held[(rank + workers * i) % len(held)] for i in range(each)]
        responses = self.trainer.answer([row["prompt"] for row in mine])
        rewards = [with_eos_rule(r, ids, self.job) for r, ids in zip(self.score(mine, responses), responses)]
        parts = gathered(list(zip(responses, rewards)))
        ordered = [parts[i % workers][i // workers] for i in range(len(held))]
        return [ids for ids, _ in ordered], [reward for _, reward in ordered]


def collapsed(entry: dict[str, float], settings: dict[str, Any]) -> str | None:
    """Why the policy has collapsed, by the limits in the settings."""
    if entry["kl"] > settings["maxKl"]:
        return (
            f"KL to the SFT model is {entry['kl']:.1f}, above rl.maxKl = {settings['maxKl']}: "
            "lower the learning rate or raise rl.klWeight"
        )
    if entry["entropy"] < settings["minEntropy"]:
        return (
            f"entropy is {entry['entropy']:.4f}, below rl.minEntropy = {settings['minEntropy']}: "
            "the policy has collapsed to few texts"
        )
    if entry["length"] < settings["minLength"]:
        return f"responses have {entry['length']:.1f} tokens, fewer than rl.minLength = {settings['minLength']}"
    return None


def candidate_folder(job: Job, step: int) -> Path:
    return job.folder / "candidates" / f"step-{step}"


def validations(job: Job) -> list[dict[str, Any]]:
    return [next(read_lines(file)) for file in sorted((job.folder / "validations").glob("step-*.json"))]


def best(job: Job, until: int) -> list[int]:
    """The steps whose policies are kept, best first; among equals the later one."""
    rivals = [record for record in validations(job) if 0 < record["step"] <= until]
    rivals.sort(key=lambda record: (-record["reward"], -record["step"]))
    return [record["step"] for record in rivals][: job.settings["candidates"]]


def is_candidate(record: dict[str, Any], job: Job) -> bool:
    return record["step"] in best(job, record["step"])


def remove_others(job: Job, step: int) -> None:
    for folder in (job.folder / "candidates").glob("step-*"):
        if step_of(folder) not in best(job, step):
            shutil.rmtree(folder)


def loop(job: Job) -> None:
    checkpoint = last_checkpoint(job)
    curves = Validation(job, step_of(checkpoint) if checkpoint else 0)
    trainer = open_trainer(job, curves)
    if curves.held and not (job.folder / "validations" / "step-00000000.json").exists():
        curves.validate(0)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if curves.problem:
        go_back(trainer, curves.problem, job)
    else:
        save_result(trainer, "policy", job)
        finish(trainer, job, trainer.state.max_steps, None)


def open_trainer(job: Job, curves: Validation) -> PromptTrainer:
    folder, settings = policy_folder(job), job.settings
    rows = job.rows("prompts.jsonl")
    order = [index for batch in job.rows("batches.jsonl") for index in batch]
    vllm: dict[str, Any] = {"use_vllm": True, "vllm_mode": "colocate"} if job.engine["vllm"] else {}
    trainer = PromptTrainer(
        model=load_policy(folder, job),
        reward_funcs=reward_function(job, rows, curves),
        args=RLOOConfig(
            **arguments(job, job.more["steps"]),
            beta=settings["klWeight"] or NO_PENALTY,
            num_generations=settings["groupSize"],
            max_completion_length=job.more["responseTokens"],
            temperature=settings["temperature"],
            shuffle_dataset=False,
            remove_unused_columns=False,
            **vllm,
        ),
        train_dataset=Dataset.from_dict({"prompt": [str(index) for index in order]}),
        processing_class=load_tokenizer(folder),
        peft_config=lora_config(settings, "CAUSAL_LM"),
        callbacks=[curves],
    )
    trainer.rows = rows
    curves.trainer, curves.score = trainer, open_score(job, trainer.accelerator.device)
    return trainer


def reward_function(job: Job, rows: Sequence[dict[str, Any]], curves: Validation) -> Callable[..., list[float | None]]:
    """TRL's form of the reward: (1−β) r, r after the rule about responses that were cut."""

    def reward(
        prompts: list[str], completion_ids: list[list[int]], log_metric: Callable[[str, float], None], **_: Any
    ) -> list[float | None]:
        scores = curves.score([rows[int(prompt)] for prompt in prompts], completion_ids)
        rewards = [with_eos_rule(r, ids, job) for r, ids in zip(scores, completion_ids, strict=True)]
        for score, r, ids in zip(scores, rewards, completion_ids):
            log_metric("rawReward", score)
            log_metric("rewardWithRule", r)
            log_metric("eosShare", float(ids[-1] in job.model["stopIds"]))
        return [(1 - job.settings["klWeight"]) * r for r in rewards]

    return reward


def go_back(trainer: PromptTrainer, problem: str, job: Job) -> None:
    """The policy of the last checkpoint, from before what `problem` says."""
    whole = whole_checkpoints(job)
    if not whole:
        raise failed(f"{problem}, and there is no checkpoint to go back to yet", job.more["steps"])
    step = step_of(whole[-1])
    if trainer.is_world_process_zero():
        shutil.rmtree(job.result / "policy", ignore_errors=True)
        shutil.copytree(whole[-1], job.result / "policy", ignore=shutil.ignore_patterns("*.pt", "*.pth", "*.bin"))
    finish(trainer, job, step, f"{problem}; the model is that of step {step}")


def finish(trainer: PromptTrainer, job: Job, steps: int, stopped: str | None) -> None:
    """Writes the curves, the validations and the candidates of the steps that count."""
    if not trainer.is_world_process_zero():
        return
    curve = [entry for entry in trainer.state.log_history if "loss" in entry and entry["step"] <= steps]
    write_json(job.result / "history.json", curve)
    records = [record for record in validations(job) if record["step"] <= steps]
    kept = [step for step in best(job, steps) if candidate_folder(job, step).exists()]
    write_json(job.result / "validations.json", {"records": records, "best": kept, "stopped": stopped})
