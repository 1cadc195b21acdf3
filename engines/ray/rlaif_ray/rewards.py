"""The reward function of stage `rl`: scores of a reward model, or the labeler's through the service of rlaif."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Protocol, Sequence

import torch

from .job import Job
from .models import load_scorer, load_tokenizer, padded, reward_model_folder, scores_of


class Score(Protocol):
    def __call__(self, rows: Sequence[dict[str, Any]], responses: Sequence[Sequence[int]]) -> list[float]:
        """@param rows: of `prompts.jsonl` or `held.jsonl`; responses: token ids of an answer to each"""


def open_score(job: Job, device: torch.device) -> Score:
    return by_reward_model(job, device) if "rewardModel" in job.more else by_labeler(job)


def with_eos_rule(reward: float, response: Sequence[int], job: Job) -> float:
    """A response that was cut loses `missingEosPenalty`; a reward with a floor never falls below it."""
    if response and response[-1] in job.model["stopIds"]:
        return reward
    penalized = reward - job.settings["missingEosPenalty"]
    return max(job.more["floor"], penalized) if "floor" in job.more else penalized


def by_reward_model(job: Job, device: torch.device) -> Score:
    reward_model = job.more["rewardModel"]
    model = load_scorer(reward_model_folder(job)).eval().to(device)
    size = job.settings["microBatchSize"]

    @torch.no_grad()
    def score(rows: Sequence[dict[str, Any]], responses: Sequence[Sequence[int]]) -> list[float]:
        out: list[float] = []
        sequences = [row["prompt"] + list(response) for row, response in zip(rows, responses, strict=True)]
        for start in range(0, len(sequences), size):
            ids, mask = padded(sequences[start : start + size], 0)
            out += scores_of(model, ids.to(device), mask.to(device)).tolist()
        return [score - reward_model["shift"] for score in out]

    return score


def by_labeler(job: Job) -> Score:
    tokenizer = load_tokenizer(job.model["folder"])

    def score(rows: Sequence[dict[str, Any]], responses: Sequence[Sequence[int]]) -> list[float]:
        texts = [tokenizer.decode(response, skip_special_tokens=True).strip() for response in responses]
        contexts = [row["context"] for row in rows]
        return ask(job, {"prompts": contexts, "completions": texts, "labels": contexts})["rewards"]

    return score


PAUSE_SECONDS = 2.0
MOST_PAUSE_SECONDS = 60.0


def ask(job: Job, body: dict[str, Any], pause: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Asks the reward service, whose address may change while nobody listens; waits for as long as that takes.

    @raises Refused: what another try would only repeat
    """
    wait = PAUSE_SECONDS
    while True:
        try:
            return post(json.loads((job.folder / ".reward-service.json").read_text()), body)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:2000]
            if error.code != 401 and error.code < 500:
                raise Refused(f"the reward service answered {error.code}: {said}") from error
        except (OSError, ValueError):
            pass  # not there at the moment: the next worker of rlaif opens it again
        pause(wait)
        wait = min(MOST_PAUSE_SECONDS, 2 * wait)


class Refused(Exception):
    """The reward service does not take the request."""


def post(service: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {service['token']}"}
    request = urllib.request.Request(f"{service['url']}/get_reward", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=3600) as response:
        return json.load(response)
