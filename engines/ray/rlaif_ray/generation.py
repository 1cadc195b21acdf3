"""Stages `sample` and `respond`: a policy's responses, in blocks of rows that Ray's actors share.

A block is seeded by its number and kept when it is done: neither the number of workers nor a lost one changes the rows.
"""

import json
import zlib
from pathlib import Path
from typing import Any, Sequence

import ray
import torch
from ray.util import ActorPool

from .job import Job, read_job, read_lines, write_json
from .models import load_policy, load_tokenizer, padded, policy_folder

BLOCK_ROWS = 32


def run(job: Job) -> None:
    policy_folder(job)
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
    kind = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=-1)(Sampler)
    actors = [kind.remote(str(job.folder)) for _ in range(min(job.engine["workers"], len(missing)))]
    job.report("sampling", blocks - len(missing), blocks, "blocks")
    pool = ActorPool(actors)
    for done, _ in enumerate(pool.map_unordered(lambda actor, block: actor.answer.remote(block), list(missing)), 1):
        job.report("sampling", blocks - len(missing) + done, blocks, "blocks")


class Sampler:
    """Answers blocks of prompts with one policy."""

    def __init__(self, folder: str):
        self.job = read_job(Path(folder))
        self.prompts = [row["prompt"] for row in read_lines(self.job.folder / "prompts.jsonl")]
        self.generate = self.with_vllm() if self.job.engine["vllm"] else self.with_transformers()

    def answer(self, block: int) -> int:
        prompts = self.prompts[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        seed = zlib.crc32(f"{self.job.seed} {self.job.stage} {block}".encode())
        stops = set(self.job.model["stopIds"])
        rows = [cut(ids, stops) for ids in self.generate(prompts, seed)]
        responses = [{"ids": ids, "stopped": bool(ids) and ids[-1] in stops} for ids in rows]
        write_json(block_file(self.job.folder, block), responses)
        return block

    def with_transformers(self):
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

    def with_vllm(self):
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
