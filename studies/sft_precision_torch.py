"""PyTorch's side of studies/sft-precision.mjs: trains on given batches, prints the loss of each step and that of the rows afterwards,
read in the precision of the training and in float32.

In bfloat16: float32 master weights under torch.autocast("cpu", bfloat16). AdamW with PyTorch's defaults, no weight decay.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM


def loss_of(model, rows):
    """Mean of -log p over the response tokens of a batch."""
    longest = max(len(row["prompt"]) + len(row["response"]) for row in rows)
    ids, mask, targets = [], [], []
    for row in rows:
        prompt, response = row["prompt"], row["response"]
        padding = longest - len(prompt) - len(response)
        ids.append(prompt + response + [0] * padding)
        mask.append([1] * (longest - padding) + [0] * padding)
        targets.append([-100] * len(prompt) + response + [-100] * padding)
    logits = model(torch.tensor(ids), attention_mask=torch.tensor(mask)).logits.float()
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), torch.tensor(targets)[:, 1:].flatten())


def main():
    work = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(work["folder"], dtype=torch.float32).eval()  # eval: no dropout
    optimizer = torch.optim.AdamW(model.parameters(), lr=work["learningRate"], weight_decay=0.0)

    def autocast(precision):
        return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def read_in(precision):
        with torch.no_grad(), autocast(precision):
            read = [(len(row["response"]), loss_of(model, [row]).item()) for row in work["rows"]]
        return sum(tokens * loss for tokens, loss in read) / sum(tokens for tokens, _ in read)

    losses = []
    for rows in work["batches"]:
        optimizer.zero_grad()
        with autocast(work["precision"]):
            loss = loss_of(model, rows)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    json.dump({"losses": losses, "read": read_in(work["precision"]), "after": read_in("float32")}, sys.stdout)


main()
