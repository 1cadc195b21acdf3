"""A LoRA adapter on the tiny Llama of families.py, made by PEFT: its folder, logits and gradients, for test/model/adapter.test.ts.

    reference/bin/python test/reference/adapter.py test/reference/adapter      (environment: see default_model.py, and peft==0.21.2)
    reference/bin/python test/reference/adapter.py --check FOLDER              loads an adapter that rlaif wrote
"""
import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

BASE = "test/reference/families/llama3"
ROW = [3, 14, 15, 9, 31, 41, 59]


def load():
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager").eval()


def main():
    if sys.argv[1] == "--check":
        model = PeftModel.from_pretrained(load(), sys.argv[2]).eval()
        print(json.dumps(model(torch.tensor([ROW])).logits[0, -1].tolist()))
        return
    torch.manual_seed(0)
    model = get_peft_model(load(), LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(0.2 * torch.randn_like(p))
    model.save_pretrained(sys.argv[1])
    logits = model(torch.tensor([ROW])).logits[0]
    loss = -torch.log_softmax(logits[3:6], -1)[range(3), ROW[4:]].mean()
    loss.backward()
    gradients = {n.replace("base_model.model.", "").replace(".default", ""): p.grad.reshape(-1).tolist() for n, p in model.named_parameters() if p.grad is not None}
    with open(os.path.join(sys.argv[1], "reference.json"), "w") as file:
        json.dump({"row": ROW, "last": logits[-1].tolist(), "loss": loss.item(), "gradients": gradients}, file)


main()
