"""RLOO on this engine against the optimum of the objective, known in closed form: π* ∝ π_SFT · exp((1−β) r / β).

One action is one token. Prints, for each β, the total variation between the trained policy and the optimum.
Run: python -m tests.closed_form FOLDER β …
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlaif_ray import rl
from rlaif_ray.job import Job

ACTIONS = 5
PROMPT = [0, 1]
TEMPERATURE = 0.9
REWARDS = [0.1, 0.9, -0.4, 0.5, 0.3]


def small_model(folder: Path) -> str:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=ACTIONS,
        eos_token_id=0,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    vocabulary = {f"a{i}": i for i in range(ACTIONS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="a0"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="a0", pad_token="a0").save_pretrained(folder)
    return str(folder)


def distribution(folder: str) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return torch.softmax(model(torch.tensor([PROMPT])).logits[0, -1] / TEMPERATURE, 0)


def job(folder: Path, model: str, beta: float, steps: int = 50) -> Job:
    settings = {
        **{"batchSize": 64, "microBatchSize": 64, "groupSize": 8, "learningRate": 0.02, "optimizer": "adamw"},
        **{"weightDecay": 0, "maxGradientNorm": 0, "warmupSteps": 0, "schedule": "linear", "recompute": False},
        **{"checkpointEvery": 10**6, "klWeight": beta, "temperature": TEMPERATURE, "missingEosPenalty": 0},
        **{"maxKl": 100, "minEntropy": 0, "minLength": 0, "candidates": 0, "validateEvery": 10**6},
    }
    folder.mkdir(parents=True)
    (folder / "prompts.jsonl").write_text(json.dumps({"prompt": PROMPT, "context": ""}) + "\n")
    (folder / "batches.jsonl").write_text((json.dumps([0] * 8) + "\n") * steps)
    engine = {"workers": 1, "gpusPerWorker": 0, "precision": "float32", "sharding": "ddp", "vllm": False}
    names = {"folder": model, "adapters": [], "stopIds": [0]}
    return Job(folder, "rl", 3, True, engine, names, settings, {"steps": steps, "rows": 64, "responseTokens": 1})


def main(folder: Path, betas: list[float]) -> None:
    rl.open_score = lambda job, device: lambda rows, responses: [REWARDS[ids[0]] for ids in responses]
    model = small_model(folder / "model")
    reference = distribution(model)
    for beta in betas:
        done = job(folder / f"beta-{beta}", model, beta)
        rl.loop(done)
        want = reference * torch.exp((1 - beta) * torch.tensor(REWARDS) / beta)
        want /= want.sum()
        got = distribution(str(done.result / "policy"))
        distances = {"apart": (reference - want).abs().sum().item() / 2, "left": (got - want).abs().sum().item() / 2}
        print(json.dumps({"beta": beta, **distances}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [float(beta) for beta in sys.argv[2:]])
