"""Losses, gradients and optimizer steps of a tiny Llama, computed by transformers on PyTorch (CPU), for test/training/*.test.ts.

    reference/bin/python test/reference/tiny_llama.py > test/reference/tiny-llama.json   (environment: see default_model.py)

Weights come from a formula that the tests repeat (test/tiny-model.ts), so that none need be stored.
"""
import json
import math
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.optimization import Adafactor

CONFIG = dict(vocab_size=61, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              head_dim=4, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=64, tie_word_embeddings=True)
PROMPTS = [[3, 14, 15, 9], [26, 5, 35, 8, 9, 7, 9], [32]]
RESPONSES = [[31, 41, 59], [2, 6], [53, 58, 9, 7, 1]]
PREFER_FIRST = [0.8, 0.35]
TEMPERATURE = 0.9
COEFFICIENTS = [0.5, -1.0, 0.25, 1.5, -0.75, 0.1, 0.2, -0.3, 0.4, -0.5]
RETURNS = [0.7, -0.4, 0.25]
TOKEN_LIMIT = 8
DPO_BETA = 0.5
DPO_PAIRS = [(0, 1), (1, 2)]
REFERENCE_SCALE = 0.9
"""The reference policy of DPO has these weights times this."""


def fill(model):
    for k, (name, p) in enumerate(sorted(dict(model.named_parameters()).items())):
        i = torch.arange(p.numel(), dtype=torch.float64)
        wave = torch.sin(0.7 * i + k)
        p.data = ((1 + 0.1 * wave) if p.dim() == 1 else 0.4 * wave).to(torch.float32).reshape(p.shape)


def fresh():
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**CONFIG, attn_implementation="eager")).eval()
    fill(model)
    head = torch.nn.Linear(CONFIG["hidden_size"], 1, bias=False)
    head.weight.data = 0.3 * torch.cos(torch.arange(CONFIG["hidden_size"], dtype=torch.float64)).to(torch.float32).reshape(1, -1)
    return model, head


def pad(rows):
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def response_log_probs(model, temperature):
    ids, mask = pad([p + r for p, r in zip(PROMPTS, RESPONSES)])
    logits = model(ids, attention_mask=mask).logits / temperature
    log_probs = torch.log_softmax(logits, -1)
    out = []
    for row, (p, r) in enumerate(zip(PROMPTS, RESPONSES)):
        for i, token in enumerate(r):
            out.append(log_probs[row, len(p) + i - 1, token])
    return torch.stack(out)


def gradients(model, head=None):
    named = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    if head is not None:
        named["score.weight"] = head.weight.grad
    return {n: [round(v, 8) for v in g.reshape(-1)[::7].tolist()] for n, g in named.items()}


def grpo(scale, loss_mean):
    model, _ = fresh()
    returns = torch.tensor(RETURNS)
    advantages = returns - returns.mean()
    if scale == "std":
        advantages = advantages / (returns.std() + 1e-4)
    terms = torch.split(response_log_probs(model, TEMPERATURE), [len(r) for r in RESPONSES])
    if loss_mean == "sequence":
        loss = -torch.stack([a * t.mean() for a, t in zip(advantages, terms)]).mean()
    elif loss_mean == "token":
        loss = -torch.cat([a * t for a, t in zip(advantages, terms)]).mean()
    else:
        loss = -torch.stack([a * t.sum() / TOKEN_LIMIT for a, t in zip(advantages, terms)]).mean()
    loss.backward()
    return {"advantageScale": scale, "lossMean": loss_mean, "advantages": advantages.tolist(), "loss": loss.item(),
            "gradients": gradients(model)}


def dpo(prefer_first):
    reference, _ = fresh()
    with torch.no_grad():
        for p in reference.parameters():
            p.mul_(REFERENCE_SCALE)
        of_reference = sequence_log_probs(reference)
    model, _ = fresh()
    rewards = DPO_BETA * (sequence_log_probs(model) - of_reference)
    margin = torch.stack([rewards[first] - rewards[second] for first, second in DPO_PAIRS])
    p = torch.tensor(prefer_first)
    loss = -(p * torch.nn.functional.logsigmoid(margin) + (1 - p) * torch.nn.functional.logsigmoid(-margin)).mean()
    loss.backward()
    return {"beta": DPO_BETA, "pairs": DPO_PAIRS, "preferFirst": prefer_first, "reference": of_reference.tolist(),
            "rewards": rewards.tolist(), "loss": loss.item(), "gradients": gradients(model)}


def sequence_log_probs(model):
    return torch.stack([t.sum() for t in torch.split(response_log_probs(model, 1.0), [len(r) for r in RESPONSES])])


def main():
    out = {"config": {"model_type": "llama", **CONFIG}, "prompts": PROMPTS, "responses": RESPONSES, "preferFirst": PREFER_FIRST,
           "temperature": TEMPERATURE, "coefficients": COEFFICIENTS}
    model, head = fresh()
    log_probs = response_log_probs(model, TEMPERATURE)
    (log_probs * torch.tensor(COEFFICIENTS)).sum().backward()
    out["logProbs"] = log_probs.tolist()
    out["logProbGradients"] = gradients(model)

    model, head = fresh()  # two pairs: rows 0|1 and 1|2
    rows = [PROMPTS[i] + RESPONSES[i] for i in (0, 1, 1, 2)]
    ids, mask = pad(rows)
    hidden = model.model(ids, attention_mask=mask).last_hidden_state
    scores = head(hidden)[torch.arange(4), mask.sum(1) - 1, 0]
    margin = scores[0::2] - scores[1::2]
    p = torch.tensor(PREFER_FIRST)
    loss = -(p * torch.nn.functional.logsigmoid(margin) + (1 - p) * torch.nn.functional.logsigmoid(-margin)).mean()
    loss.backward()
    out["scores"] = scores.tolist()
    out["preferenceLoss"] = loss.item()
    out["preferenceGradients"] = gradients(model, head)

    model, head = fresh()  # REINFORCE: Z_t - V is the advantage; policy and value losses are means over the rows
    ids, mask = pad([p + r for p, r in zip(PROMPTS, RESPONSES)])
    at = [(row, len(p) + i - 1) for row, (p, r) in enumerate(zip(PROMPTS, RESPONSES)) for i in range(len(r))]
    targets = torch.tensor(COEFFICIENTS)
    hidden = model.model(ids, attention_mask=mask).last_hidden_state
    values = torch.stack([head(hidden[row, t])[0] for row, t in at])
    loss = ((targets - values) ** 2).sum() / len(PROMPTS)
    loss.backward()
    out["valueLoss"] = loss.item()
    out["advantages"] = (targets - values).tolist()
    out["valueGradients"] = gradients(model, head)

    model, head = fresh()
    logits = model(ids, attention_mask=mask).logits / TEMPERATURE
    entropies = torch.stack([torch.distributions.Categorical(logits=logits[row, t]).entropy() for row, t in at])
    loss = -(response_log_probs(model, TEMPERATURE) * torch.tensor(out["advantages"])).sum() / len(PROMPTS)
    loss.backward()
    out["policyLoss"] = loss.item()
    out["entropy"] = entropies.mean().item()
    out["policyGradients"] = gradients(model)

    model, head = fresh()
    optimizer = Adafactor(model.parameters(), lr=1e-2, scale_parameter=False, relative_step=False)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = -response_log_probs(model, 1.0).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    out["sftLosses"] = losses
    out["adafactorWeights"] = {n: [round(v, 8) for v in p.data.reshape(-1)[::7].tolist()] for n, p in model.named_parameters()}
    out["grpo"] = {"returns": RETURNS, "tokenLimit": TOKEN_LIMIT,
                   "variants": [grpo(scale, over) for scale in ("std", "none") for over in ("sequence", "token", "constant")]}
    out["referenceScale"] = REFERENCE_SCALE
    out["dpo"] = [dpo(PREFER_FIRST), dpo([1.0, 0.0])]
    json.dump(out, sys.stdout)


main()
