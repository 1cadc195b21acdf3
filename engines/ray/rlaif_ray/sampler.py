"""Answers blocks of prompts with one policy: the part of generation.py that loads it."""

import zlib
from pathlib import Path
from typing import Any, Callable, Sequence

import torch

from .generation import BLOCK_ROWS, block_file
from .job import read_job, read_lines, write_json
from .models import load_policy, load_tokenizer, padded, policy_folder
from .workers import use_cores

Generate = Callable[[Sequence[Sequence[int]], int], list[list[int]]]
"""Prompts and a seed → what follows each prompt, as token ids."""


class Sampler:
    """Answers blocks of prompts with one policy."""

    def __init__(self, folder: str):
        self.job = read_job(Path(folder))
        self.prompts = [row["prompt"] for row in read_lines(self.job.folder / "prompts.jsonl")]
        use_cores(self.job.engine["workers"])
        self.generate = self.with_vllm() if self.job.engine["vllm"] else self.with_transformers()

    def answer(self, block: int) -> int:
        prompts = self.prompts[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        seed = zlib.crc32(f"{self.job.seed} {self.job.stage} {block}".encode())
        stops = set(self.job.model["stopIds"])
        rows = [cut(ids, stops) for ids in self.generate(prompts, seed)]
        responses = [{"ids": ids, "stopped": bool(ids) and ids[-1] in stops} for ids in rows]
        write_json(block_file(self.job.folder, block), responses)
        return block

    def with_transformers(self) -> Generate:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model = load_policy(policy_folder(self.job), self.job).eval().to(device)
        if self.job.engine["precision"] == "bfloat16":
            model = model.to(torch.bfloat16)
        padding = load_tokenizer(policy_folder(self.job)).pad_token_id

        @torch.no_grad()
        def generate(prompts: Sequence[Sequence[int]], seed: int) -> list[list[int]]:
            torch.manual_seed(seed)
            ids, mask = padded(prompts, padding, "left")
            out = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=self.job.more["responseTokens"],
                pad_token_id=padding,
                **sampling(self.job.settings),
            )
            return out[:, ids.shape[1] :].tolist()

        return generate

    def with_vllm(self) -> Generate:
        from vllm import LLM, SamplingParams  # only where there is CUDA

        engine = self.job.engine
        llm = LLM(policy_folder(self.job), tensor_parallel_size=max(1, engine["gpusPerWorker"]))
        settings = self.job.settings

        def generate(prompts: Sequence[Sequence[int]], seed: int) -> list[list[int]]:
            parameters = SamplingParams(
                temperature=settings["temperature"],
                top_k=settings.get("topK") or -1,
                top_p=settings.get("topP", 1),
                max_tokens=self.job.more["responseTokens"],
                stop_token_ids=self.job.model["stopIds"],
                seed=seed,
            )
            asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
            return [list(answer.outputs[0].token_ids) for answer in llm.generate(asked, parameters)]

        return generate


def sampling(settings: dict[str, Any]) -> dict[str, Any]:
    """transformers' names of the settings; a temperature of 0 is greedy."""
    if settings["temperature"] == 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {
        "do_sample": True,
        "temperature": settings["temperature"],
        "top_k": settings.get("topK", 0),
        "top_p": settings.get("topP", 1.0),
    }


def cut(ids: Sequence[int], stops: set[int]) -> list[int]:
    """Up to the first id that ends a response, which is kept."""
    end = next((i for i, token in enumerate(ids) if token in stops), len(ids))
    return list(ids[: end + 1])
