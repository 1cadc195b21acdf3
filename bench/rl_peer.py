"""The peer's side of bench/rl.mjs: TRL's RLOOTrainer on PyTorch (CPU), in float32 or with autocast to bfloat16."""
import json
import os
import resource
import sys
import tempfile
import time

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import RLOOConfig, RLOOTrainer

torch.set_num_threads(len(os.sched_getaffinity(0)))
half = sys.argv[2:] == ["bfloat16"]
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], padding_side="left")
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)


class Clock(TrainerCallback):
    def __init__(self):
        self.ends = []

    def on_train_begin(self, *_args, **_kwargs):
        self.ends.append(time.perf_counter())

    def on_step_end(self, *_args, **_kwargs):
        self.ends.append(time.perf_counter())


def distinct(completion_ids, **_kwargs):
    return [len(set(ids)) / len(ids) for ids in completion_ids]


def rl_step(texts, groupSize, tokens, steps):
    args = RLOOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=len(texts) * groupSize,
        num_generations=groupSize,
        steps_per_generation=1,
        max_completion_length=tokens,
        generation_kwargs={"min_new_tokens": tokens},
        max_steps=steps,
        temperature=0.9,
        beta=0.05,
        learning_rate=1e-6,
        optim="adamw_torch",
        gradient_checkpointing=False,
        bf16=half,
        fp16=False,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    clock = Clock()
    RLOOTrainer(
        model=model,
        reward_funcs=distinct,
        args=args,
        train_dataset=Dataset.from_list([{"prompt": text} for text in texts]),
        processing_class=tokenizer,
        callbacks=[clock],
    ).train()
    return (clock.ends[-1] - clock.ends[1]) / (steps - 1)


for line in sys.stdin:
    work = json.loads(line)
    work.pop("figure")
    stdout, sys.stdout = sys.stdout, sys.stderr  # the trainer prints to standard output
    seconds = rl_step(**work)
    sys.stdout = stdout
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes}), flush=True)
