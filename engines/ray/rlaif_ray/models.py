"""Models as rlaif's artifacts name them: a Hugging Face folder, and adapters that are merged into it."""

from pathlib import Path
from typing import Any, Callable, Sequence

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from .classifier import load_classifier
from .job import Job

transformers_logging.disable_progress_bar()


def without_dropout(model: PreTrainedModel) -> PreTrainedModel:
    """With dropout the log-probabilities of training are not those of sampling."""
    for module in [*model.modules(), model.config]:
        names = ["p"] if isinstance(module, torch.nn.Dropout) else [name for name in vars(module) if "drop" in name]
        for name in names:
            if isinstance(getattr(module, name), float):
                setattr(module, name, 0.0)
    return model


def policy_folder(job: Job) -> str:
    """A folder with the whole policy: TRL loads the reference model from the folder of the policy."""
    return str(merged_policy(job)) if job.model["adapters"] else job.model["folder"]


def reward_model_folder(job: Job) -> str:
    reward_model = job.more["rewardModel"]
    return str(merged_reward_model(job)) if reward_model["adapters"] else reward_model["folder"]


def merged_policy(job: Job) -> Path:
    """What is merged can be merged again: names with a dot are not copied to a bucket."""
    return job.folder / ".merged"


def merged_reward_model(job: Job) -> Path:
    return job.folder / ".merged-reward-model"


def merge_all(job: Job) -> None:
    """Writes the models that are adapters on a base as whole ones."""
    merge(job.model, merged_policy(job), load_language_model)
    merge(job.more.get("rewardModel", {}), merged_reward_model(job), load_classifier)


def merge(model: dict[str, Any], merged: Path, load: Callable[[str], PreTrainedModel]) -> None:
    if model.get("adapters") and not (merged / "whole").exists():
        save_merged(model, merged, load)
        (merged / "whole").touch()


def save_merged(model: dict[str, Any], merged: Path, load: Callable[[str], PreTrainedModel]) -> None:
    base = load(model["folder"])
    for adapter in model["adapters"]:
        config = PeftConfig.from_pretrained(adapter)
        if load is load_classifier and config.task_type == "CAUSAL_LM":
            config.task_type = None  # of the policy below a reward model: it generates nothing here
        base = PeftModel.from_pretrained(base, adapter, config=config).merge_and_unload()
    base.save_pretrained(merged)
    AutoTokenizer.from_pretrained(model["folder"]).save_pretrained(merged)


def load_policy(folder: str, job: Job) -> PreTrainedModel:
    """The policy with the ends of responses that rlaif names; master weights in float32 but where they are frozen."""
    is_frozen = job.settings.get("lora") is not None and job.engine["precision"] == "bfloat16"
    model = without_dropout(load_language_model(folder, torch.bfloat16 if is_frozen else torch.float32))
    model.generation_config.eos_token_id = job.model["stopIds"]
    return model


def load_language_model(folder: str, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def load_scorer(folder: str) -> PreTrainedModel:
    return without_dropout(load_classifier(folder))


def load_tokenizer(folder: str) -> Any:
    """The tokenizer; TRL wants a token for padding, which is never seen: everything is masked by length."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def lora_config(settings: dict[str, Any], task: str, also: Sequence[str] = ()) -> LoraConfig | None:
    """PEFT's form of the setting `lora`. @param also: modules that are trained as a whole"""
    lora = settings.get("lora")
    if lora is None:
        return None
    return LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        target_modules=lora["targets"],
        lora_dropout=0.0,
        task_type=task,
        modules_to_save=list(also) or None,
    )


def padded(rows: Sequence[Sequence[int]], padding: int, side: str = "right") -> tuple[Tensor, Tensor]:
    """Token ids and their mask, [B, T]."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), padding, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, row in enumerate(rows):
        at = slice(0, len(row)) if side == "right" else slice(longest - len(row), longest)
        ids[i, at] = torch.tensor(row, dtype=torch.long)
        mask[i, at] = 1
    return ids, mask


def scores_of(model: torch.nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """The score of each row, [B, T] → [B], read at its last real token.

    transformers reads it at the last token that is not the padding's, which may be one that a response ends in: the
    padding's is therefore one that no row of the batch ends in.
    """
    positions = torch.arange(ids.shape[1], device=ids.device)
    ends = set(ids.gather(1, (positions * mask).argmax(1, keepdim=True)).flatten().tolist())
    padding = next(token for token in range(len(ends) + 1) if token not in ends)
    core: Any = getattr(model, "module", model)
    core.config.get_text_config().pad_token_id = padding
    position_ids = (mask.cumsum(1) - 1).clamp(min=0)
    out = model(input_ids=ids.masked_fill(mask == 0, padding), attention_mask=mask, position_ids=position_ids)
    return out.logits[:, 0].float()
