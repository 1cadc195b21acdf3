"""A tiny random model of each family, saved by transformers, with its logits, loss, gradients and optimizer steps on PyTorch (CPU).

    reference/bin/python test/reference/families.py test/reference/families      (environment: see default_model.py)

Each family's folder is read by test/model/families.test.ts as a user's model would be.
"""
import json
import os
import sys

import torch
from transformers import (AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GemmaConfig, GPT2Config, LlamaConfig, MistralConfig, Olmo2Config, Phi3Config, Qwen2Config,
                          Qwen3Config, SmolLM3Config)
from transformers.optimization import Adafactor

ROTARY = dict(vocab_size=61, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0)
CONFIGS = {
    "llama3": LlamaConfig(**ROTARY, head_dim=8, rms_norm_eps=1e-5, tie_word_embeddings=False, rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    "llama-linear": LlamaConfig(**ROTARY, tie_word_embeddings=True, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0)),
    "smollm3": SmolLM3Config(**{**ROTARY, "num_hidden_layers": 4}, tie_word_embeddings=True, no_rope_layer_interval=2, use_sliding_window=False),
    "qwen2": Qwen2Config(**ROTARY, tie_word_embeddings=True, use_sliding_window=False),
    "qwen3": Qwen3Config(**ROTARY, head_dim=8, tie_word_embeddings=False, use_sliding_window=False),
    # windows shorter than the prompts, so that they bind
    "mistral": MistralConfig(**ROTARY, head_dim=8, sliding_window=5, tie_word_embeddings=False),
    "qwen2-window": Qwen2Config(**{**ROTARY, "num_hidden_layers": 3}, use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "gemma": GemmaConfig(**ROTARY, head_dim=8),
    "gemma2": Gemma2Config(**ROTARY, head_dim=8, query_pre_attn_scalar=5, sliding_window=4, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    "gemma3": Gemma3TextConfig(**{**ROTARY, "num_hidden_layers": 3}, head_dim=8, query_pre_attn_scalar=5, sliding_window=4, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                               rope_parameters=dict(sliding_attention=dict(rope_type="default", rope_theta=100.0), full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6))),
    "phi3": Phi3Config(**ROTARY, sliding_window=6, rope_parameters=dict(rope_theta=10000.0, partial_rotary_factor=0.5)),
    "phi3-longrope": Phi3Config(**{**ROTARY, "max_position_embeddings": 2048}, tie_word_embeddings=True, original_max_position_embeddings=256, rope_parameters=dict(
        rope_type="longrope", rope_theta=10000.0, short_factor=[1.0, 1.5], long_factor=[2.0, 8.0])),
    "olmo2": Olmo2Config(**ROTARY, tie_word_embeddings=False),
    "llama-biases": LlamaConfig(**ROTARY, attention_bias=True, mlp_bias=True),
    "gpt2": GPT2Config(vocab_size=61, n_embd=16, n_layer=2, n_head=4, n_positions=128, bos_token_id=1, eos_token_id=2),
}
PROMPTS = [[3, 14, 15, 9], [26, 5, 35, 8, 9, 7, 9], [32]]
RESPONSES = [[31, 41, 59], [2, 6], [53, 58, 9, 7, 1]]
LONG = [(7 * i) % 60 + 1 for i in range(100)]  # past the length that llama3's scaling was made for
STEPS = 3
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 0.1
CLIP = 0.5


def make(config):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    gain = 0.0 if config.model_type.startswith("gemma") else 1.0  # Gemma's norms add 1 to their weights
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((gain if p.dim() == 1 else 0.0) + (0.1 if p.dim() == 1 else 0.3) * torch.randn_like(p))
    return model


def loss_of(model):
    """Mean of −log π over the response tokens, right padding."""
    rows = [p + r for p, r in zip(PROMPTS, RESPONSES)]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    log_probs = torch.log_softmax(model(ids, attention_mask=mask).logits, -1)
    picked = [log_probs[row, len(p) + i - 1, token] for row, (p, r) in enumerate(zip(PROMPTS, RESPONSES)) for i, token in enumerate(r)]
    return -torch.stack(picked).mean()


def thin(named):
    return {n: [float(f"{v:.7g}") for v in t.detach().reshape(-1)[::5].tolist()] for n, t in named}


def train(config, make_optimizer, clip):
    model = make(config)
    optimizer = make_optimizer(model)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weights": thin(model.named_parameters())}


def adamw(model):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE)


def adafactor(model):
    return Adafactor(model.parameters(), lr=LEARNING_RATE, scale_parameter=False, relative_step=False)


def main():
    out = sys.argv[1]
    reference = {"prompts": PROMPTS, "responses": RESPONSES, "long": LONG, "steps": STEPS, "learningRate": LEARNING_RATE, "weightDecay": WEIGHT_DECAY, "clip": CLIP, "families": {}}
    for name, config in CONFIGS.items():
        model = make(config)
        folder = os.path.join(out, name)
        model.save_pretrained(folder)
        with torch.no_grad():
            alone = [model(torch.tensor([p + r])).logits[0, -1].tolist() for p, r in zip(PROMPTS, RESPONSES)]
            long = model(torch.tensor([LONG])).logits[0, -1].tolist()
            greedy = [model.generate(torch.tensor([p]), attention_mask=torch.ones(1, len(p), dtype=torch.long), max_new_tokens=12, min_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)[0, len(p):].tolist() for p in PROMPTS]
        loss = loss_of(model)
        loss.backward()
        reference["families"][name] = {
            "last": alone, "long": long, "greedy": greedy, "loss": loss.item(),
            "gradients": thin((n, p.grad) for n, p in model.named_parameters()),
            "adamw": train(config, adamw, True),
            "adafactor": train(config, adafactor, False),
        }
    with open(os.path.join(out, "reference.json"), "w") as file:
        json.dump(reference, file)


main()
