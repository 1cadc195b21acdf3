"""Log-probabilities of given responses, as the policy and the reference of RLOO have them on this engine.

Reads {folder, policy, sequences: [{prompt, response}], temperature}: `policy` is the folder of other weights than those
of the reference. Prints the log-probabilities of both, one list for each response.
Run: python -m tests.log_probs FILE
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from rlaif_ray import rl
from rlaif_ray.models import padded

from .closed_form import job


def main(given: dict[str, Any]) -> None:
    rl.open_score = lambda *_: lambda rows, responses: [0.0] * len(responses)  # nothing is trained
    work = job(Path(given["folder"]) / "job", given["folder"], 0.05)
    work.settings["temperature"] = given["temperature"]
    trainer = rl.open_trainer(work, rl.Validation(work, 0))
    policy, reference = trainer.model, trainer.ref_model
    assert policy is not None and reference is not None
    policy.load_state_dict(AutoModelForCausalLM.from_pretrained(given["policy"]).state_dict())
    rows = [row["prompt"] + row["response"] for row in given["sequences"]]
    ids, mask = padded(rows, 0)
    kept = max(len(row) for row in rows) - 1
    with torch.no_grad():
        both = [
            trainer._get_per_token_logps_and_entropies(model, ids, mask, kept)[0]
            for model in (policy.eval(), reference)
        ]
    print(json.dumps([[of_row(logps[i], row) for i, row in enumerate(given["sequences"])] for logps in both]))


def of_row(logps: torch.Tensor, row: dict[str, list[int]]) -> list[float]:
    start = len(row["prompt"]) - 1
    return logps[start : start + len(row["response"])].tolist()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
