"""Loads a policy folder that rlaif wrote into transformers and compares its logits with rlaif's own.

    reference/bin/python test/reference/exported_policy.py POLICY_FOLDER        (environment: see default_model.py)
    reference/bin/python test/reference/exported_policy.py POLICY_FOLDER ADAPTER_FOLDER BASE_FOLDER

With an adapter, the base with the adapter in PEFT is compared as well (`pip install peft`). Prints the largest absolute difference over whole prompts; it should be below 1e-3. Needs `npm run setup` before.
"""
import json
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = ["The capital of France is", "I lent my cousin 800 dollars for a car repair last spring.", "Why do cats purr?"]

OURS = """
const [folder, prompts] = JSON.parse(process.argv[1])
const { loadModelAndTokenizer } = require('./dist/model/loaded.js')
const { hidden, logits } = require('./dist/model/transformer.js')
const { padRight } = require('./dist/model/batch.js')
const { model, tokenizer } = loadModelAndTokenizer(folder)
process.stdout.write(JSON.stringify(prompts.map((text) => Array.from(logits(model, hidden(model, padRight([tokenizer.encode(text)]))).dataSync()))))
"""


def main():
    folder = sys.argv[1]
    ours = json.loads(subprocess.run(["node", "-e", OURS, json.dumps([folder, PROMPTS])], stdout=subprocess.PIPE, check=True).stdout)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    worst = compare("the folder", AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), tokenizer, ours)
    if len(sys.argv) > 2:
        from peft import PeftModel

        base = AutoModelForCausalLM.from_pretrained(sys.argv[3], dtype=torch.float32)
        worst = max(worst, compare("the adapter", PeftModel.from_pretrained(base, sys.argv[2]), tokenizer, ours))
    sys.exit(worst >= 1e-3)


def compare(name, model, tokenizer, ours):
    model.eval()
    worst = 0.0
    with torch.no_grad():
        for text, mine in zip(PROMPTS, ours):
            theirs = model(tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids).logits[0]
            worst = max(worst, (theirs - torch.tensor(mine).reshape(theirs.shape)).abs().max().item())
    print(f"{name}: largest difference of logits: {worst:.2e}")
    return worst


main()
