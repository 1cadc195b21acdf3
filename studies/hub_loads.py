"""What `rlaif push` wrote to a Hub, loaded as its cards say: transformers, PEFT, datasets, TRL's trainers.

    HF_ENDPOINT=http://127.0.0.1:… HF_TOKEN=hf_write python studies/hub_loads.py policy=me/a reward-model=me/b labels=me/c [adapter=me/d]

Prints one line for each.
"""

import os
import sys
import tempfile

os.environ.setdefault("HF_HOME", tempfile.mkdtemp())
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

given = dict(word.split("=", 1) for word in sys.argv[1:])


def policy(name):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    ids = tokenizer("the", return_tensors="pt").input_ids
    with torch.no_grad():
        written = model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=0)
    return f"{sum(p.numel() for p in model.parameters())} weights, continued: {tokenizer.decode(written[0])!r}"


def reward_model(name):
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    with torch.no_grad():
        score = model(**tokenizer("the", return_tensors="pt")).logits
    return f"score {score.item():.6f}, head {list(model.score.weight.shape)}"


def adapter(name):
    from peft import AutoPeftModelForCausalLM

    model = AutoPeftModelForCausalLM.from_pretrained(name)
    trained = sum(p.numel() for n, p in model.named_parameters() if "lora_" in n)
    return f"on {model.peft_config['default'].base_model_name_or_path}, {trained} weights of the adapter"


def labels(name):
    rows = load_dataset(name, split="train")
    people = sum(choice is not None for choice in rows["people_chose"])
    return f"{len(rows)} rows, {people} with people's choice, columns {', '.join(rows.column_names)}"


def trained(name, on):
    """A step of DPO and of a reward model on the labels, of the pushed policy."""
    from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

    rows = load_dataset(name, split="train").select(range(4))
    tokenizer = AutoTokenizer.from_pretrained(on)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    if tokenizer.chat_template is None:
        tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    shared = dict(
        max_steps=1, per_device_train_batch_size=2, report_to="none", use_cpu=True, save_strategy="no", bf16=False
    )
    losses = []
    for trainer, config, load in (
        (DPOTrainer, DPOConfig, AutoModelForCausalLM.from_pretrained),
        (RewardTrainer, RewardConfig, lambda n: AutoModelForSequenceClassification.from_pretrained(n, num_labels=1)),
    ):
        model = load(on)
        model.config.pad_token_id = tokenizer.pad_token_id
        arguments = config(output_dir=tempfile.mkdtemp(), **shared)
        run = trainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer)
        losses.append(f"{trainer.__name__} {run.train().training_loss:.4f}")
    return ", ".join(losses)


LOADS = {"policy": policy, "reward-model": reward_model, "adapter": adapter, "labels": labels}
for part, name in given.items():
    print(f"{part} {name}: {LOADS[part](name)}", flush=True)
if "labels" in given and "policy" in given:
    print(f"losses of one step on {given['labels']}: {trained(given['labels'], given['policy'])}", flush=True)
