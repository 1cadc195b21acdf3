"""Reference values of the default model, computed by transformers on PyTorch (CPU), for test/model/default-model.test.ts.

    python3 -m venv reference && reference/bin/pip install -r test/reference/requirements.txt
    reference/bin/python test/reference/default_model.py MODEL_FOLDER MODEL.gguf > test/reference/default-model.json

MODEL_FOLDER is the folder our importer wrote; MODEL.gguf is the file it read, dequantized here by the gguf package.
"""
import json
import sys

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = [
    "The capital of France is",
    "1 + 1 =",
    "Hi",
    "Once upon a time, in a village at the foot of a grey mountain, there lived a baker who",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "Preferred Summary=",
    "In 2024 the price rose from 1999 to 12345 dollars, which is an increase of",
    "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen",
    "今日はとても良い天気ですね。",
    "Emoji 😀👍 and tabs\tand  double  spaces   matter",
    "I can't believe it's not butter; they'll've said we're done",
    "SUBREDDIT: r/advice\n\nTITLE: My neighbour parks in front of my door\n\nPOST: For three months now my neighbour has parked his van in front of my door. I asked him twice to stop. He laughed. What should I do?\n\nTL;DR:",
    "Question: What is the boiling point of water at sea level in degrees Celsius?\nAnswer:",
    "<|im_start|>system\nYou are terse.<|im_end|>\n<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n",
    "A list of fruits:\n- apple\n- pear\n- plum\n-",
    "She said: \"I will come tomorrow, unless it rains.\" He answered: \"",
    "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer",
    "The mitochondria is the powerhouse of the cell. " * 12 + "In summary,",
    "http://example.com/a?b=c&d=e#f is a",
    "x",
]
VOCABULARY_STEP = 97


def dequantized_rows(path):
    """A few values of every kind of tensor, by the gguf package."""
    out = {}
    for tensor in GGUFReader(path).tensors:
        if tensor.name in ("token_embd.weight", "blk.0.ffn_down.weight", "blk.29.attn_v.weight", "output_norm.weight"):
            values = dequantize(tensor.data, tensor.tensor_type)
            out[tensor.name] = np.asarray(values, dtype=np.float32).reshape(-1)[::9973][:64].tolist()
    return out


def main():
    folder, gguf = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None  # always 32 tokens, whatever they are
    rows = []
    with torch.no_grad():
        for text in PROMPTS:
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
            logits = model(ids).logits[0]
            greedy = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False, pad_token_id=0)
            rows.append({
                "text": text,
                "ids": ids[0].tolist(),
                "middle": [round(v, 5) for v in logits[len(logits) // 2, ::VOCABULARY_STEP].tolist()],
                "last": [round(v, 5) for v in logits[-1, ::VOCABULARY_STEP].tolist()],
                "greedy": greedy[0, ids.shape[1]:].tolist(),
            })
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Name a colour."}], add_generation_prompt=True, tokenize=False)
    json.dump({"vocabularyStep": VOCABULARY_STEP, "chat": chat, "dequantized": dequantized_rows(gguf), "prompts": rows}, sys.stdout)


main()
