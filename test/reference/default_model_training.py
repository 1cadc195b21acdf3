"""Loss, gradients and optimizer steps of the default model on PyTorch (CPU), for test/model/default-model-training.test.ts.

    reference/bin/python test/reference/default_model_training.py MODEL_FOLDER > test/reference/default-model-training.json

Of every weight a few values, evenly spread, are kept. Environment and MODEL_FOLDER: see default_model.py.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.optimization import Adafactor

PROMPTS = ["Name a colour.", "The capital of France is", "I lent my cousin 800 dollars for a car repair last spring. She promised"]
RESPONSES = [" Blue, or perhaps green.", " Paris.", " to pay it back in three months, and never did."]
VALUES = 12
STEPS = 3
LEARNING_RATE = 1e-4


def rows_of(tokenizer):
    encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids
    return [(encode(p), encode(r)) for p, r in zip(PROMPTS, RESPONSES)]


def loss_of(model, rows):
    longest = max(len(p + r) for p, r in rows)
    ids = torch.tensor([p + r + [0] * (longest - len(p + r)) for p, r in rows])
    mask = torch.tensor([[1] * len(p + r) + [0] * (longest - len(p + r)) for p, r in rows])
    log_probs = torch.log_softmax(model(ids, attention_mask=mask).logits, -1)
    return -torch.stack([log_probs[row, len(p) + i - 1, token] for row, (p, r) in enumerate(rows) for i, token in enumerate(r)]).mean()


def thin(t):
    flat = t.detach().reshape(-1)
    return [float(f"{v:.7g}") for v in flat[:: max(1, flat.numel() // VALUES)][:VALUES].tolist()]


def main():
    load = lambda: AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager").eval()
    rows = rows_of(AutoTokenizer.from_pretrained(sys.argv[1]))
    model = load()
    loss = loss_of(model, rows)
    loss.backward()
    out = {"rows": rows, "values": VALUES, "steps": STEPS, "learningRate": LEARNING_RATE, "loss": loss.item(),
           "gradients": {n: {"values": thin(p.grad), "largest": p.grad.abs().max().item()} for n, p in model.named_parameters()}}
    for name, make in (("adamw", lambda p: torch.optim.AdamW(p, lr=LEARNING_RATE, weight_decay=0.0)),
                       ("adafactor", lambda p: Adafactor(p, lr=LEARNING_RATE, scale_parameter=False, relative_step=False))):
        model = load()
        optimizer = make(model.parameters())
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = loss_of(model, rows)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        out[name] = {"losses": losses, "weights": {n: {"values": thin(p), "largest": p.abs().max().item()} for n, p in model.named_parameters()}}
    json.dump(out, sys.stdout)


main()
