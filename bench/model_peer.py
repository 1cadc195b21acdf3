"""The peer's side of bench/model.mjs: transformers on PyTorch (CPU), as its users run it.

In bfloat16, weights that are only read are kept in it, and training uses autocast.
"""
import functools
import json
import os
import resource
import sys
import time as clock

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(len(os.sched_getaffinity(0)))
folder = sys.argv[1]
half = sys.argv[2:] == ["bfloat16"]


@functools.cache
def loaded(dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    model.generation_config.eos_token_id = None
    return model


def reading():
    return loaded(torch.bfloat16 if half else torch.float32)


@functools.cache
def training():
    model = loaded(torch.float32)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-6)


ROWS_AT_ONCE = 8  # of long prompts, to bound memory


def rows(batch, time, shared=0):
    return torch.tensor(
        [[((0 if i < shared else r) * 97 + i * 31) % 40000 + 100 for i in range(time)] for r in range(batch)]
    )


def forward(batch, time, **_):
    ids = rows(batch, time)
    with torch.no_grad():
        logits = reading()(ids).logits[:, :-1]
        targets = ids[:, 1:].reshape(-1)
        torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets, reduction="none")


def train_step(batch, time, **_):
    ids = rows(batch, time)
    model, optimizer = training()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = model(ids, labels=ids).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def generate(batch, time, tokens, **_):
    ids = rows(batch, time)
    with torch.no_grad():
        reading().generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            pad_token_id=0,
        )


def score(batch, time, shared, **_):
    ids = rows(batch, time, shared)
    with torch.no_grad():
        for start in range(0, batch, ROWS_AT_ONCE):
            torch.log_softmax(reading()(ids[start:start + ROWS_AT_ONCE], logits_to_keep=1).logits[:, -1], -1)[:, [33, 34]]


def score_file(file, **_):
    prompts = sorted(json.load(open(file)), key=len)
    with torch.no_grad():
        for start in range(0, len(prompts), ROWS_AT_ONCE):
            part = prompts[start:start + ROWS_AT_ONCE]
            longest = max(map(len, part))
            ids = torch.tensor([[0] * (longest - len(row)) + row for row in part])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part])
            torch.log_softmax(reading()(ids, attention_mask=mask, logits_to_keep=1).logits[:, -1], -1)[:, [33, 34]]


FIGURES = {
    "score-file": score_file,
    "forward": forward,
    "train-step": train_step,
    "generate": generate,
    "score": score,
}
for line in sys.stdin:
    work = json.loads(line)
    figure = work.pop("figure")
    started = clock.perf_counter()
    FIGURES[figure](**work)
    seconds = clock.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes}), flush=True)
