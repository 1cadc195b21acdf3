"""Tiny random models that see images as well, saved by transformers, with the logits of texts: only their language model is read here.

    reference/bin/python test/reference/with_images.py test/reference/with-images      (environment: see default_model.py)

test/model/with-images.test.ts compares.
"""
import json
import os
import sys

import torch
from transformers import AutoModelForImageTextToText, Gemma3Config, Mistral3Config

SIZES = dict(vocab_size=61, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_key_value_heads=2)
VISION = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
ENDS = dict(bos_token_id=1, eos_token_id=[2, 5], pad_token_id=0)
CONFIGS = {
    # num_attention_heads is left out of text_config, as in folders of the Hub
    "gemma3": Gemma3Config(text_config=dict(**SIZES, head_dim=8, sliding_window=4, sliding_window_pattern=2, rope_scaling=dict(factor=8.0, rope_type="linear")), vision_config=VISION,
                           mm_tokens_per_image=4, **ENDS),
    "mistral3": Mistral3Config(text_config=dict(model_type="mistral", **SIZES, num_attention_heads=4, head_dim=8, sliding_window=None, rope_theta=1e6),
                               vision_config=dict(model_type="pixtral", **VISION), **ENDS),
}
TEXT = [3, 14, 15, 9, 26, 53, 5, 8, 9, 7, 31]


def main():
    out = sys.argv[1]
    expected = {}
    for name, config in CONFIGS.items():
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
        with torch.no_grad():
            for p in model.parameters():
                p.copy_((1.0 if p.dim() == 1 and name != "gemma3" else 0.0) + (0.1 if p.dim() == 1 else 0.3) * torch.randn_like(p))
        folder = os.path.join(out, name)
        model.save_pretrained(folder)
        file = os.path.join(folder, "config.json")
        written = json.load(open(file))
        if name == "gemma3":
            del written["text_config"]["num_attention_heads"], written["text_config"]["tie_word_embeddings"]
        json.dump(written, open(file, "w"), indent=1)
        with torch.no_grad():
            expected[name] = model(torch.tensor([TEXT])).logits[0, -1].tolist()
    json.dump(dict(text=TEXT, logits=expected), open(os.path.join(out, "expected.json"), "w"))


main()
