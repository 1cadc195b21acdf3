"""TRL's RewardTrainer on the pairs, the initial model and the order written by reward-model.mjs.

    python studies/reward_model_trl.py INPUT.json OUTPUT.json
"""
import json
import sys
import time

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from trl import RewardConfig, RewardTrainer


class InGivenOrder(RewardTrainer):
    seen = []

    def _get_train_sampler(self, *_args, **_kwargs):
        return SequentialSampler(self.train_dataset)

    def compute_loss(self, *args, **kwargs):
        result = super().compute_loss(*args, **kwargs)
        self.seen.append((result[0] if isinstance(result, tuple) else result).item())
        return result


def main():
    given = json.load(open(sys.argv[1]))
    s = given["settings"]
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    model = AutoModelForSequenceClassification.from_pretrained(given["model"], num_labels=1, dtype=torch.float32)
    rows = Dataset.from_list([{"chosen_ids": c, "rejected_ids": r} for c, r in given["ordered"]])
    args = RewardConfig(
        output_dir=sys.argv[2] + ".work",
        per_device_train_batch_size=s["batchSize"],
        num_train_epochs=1,
        learning_rate=s["learningRate"],
        lr_scheduler_type=s["schedule"],
        optim="adamw_torch",
        adam_epsilon=1e-8,
        weight_decay=0.0,
        max_grad_norm=s["maxGradientNorm"],
        max_length=None,
        pad_token="<|endoftext|>",  # not the end-of-turn token: the score is read at the last token that is not padding
        bf16=False,
        fp16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    trainer = InGivenOrder(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
    started = time.time()
    trainer.train()
    seconds = time.time() - started
    model.eval()
    pad = model.config.pad_token_id
    right = []
    with torch.no_grad():
        for start in range(0, len(given["test"]), 8):
            part = [ids for pair in given["test"][start:start + 8] for ids in pair]
            longest = max(map(len, part))
            ids = torch.tensor([row + [pad] * (longest - len(row)) for row in part])
            mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in part])
            scores = model(input_ids=ids, attention_mask=mask).logits[:, 0]
            right += (scores[0::2] > scores[1::2]).tolist()
    json.dump({"losses": trainer.seen, "seconds": seconds, "right": right}, open(sys.argv[2], "w"))


main()
