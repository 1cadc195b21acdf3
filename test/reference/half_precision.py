"""What autocast to bfloat16 changes on PyTorch (CPU): errors against its own float32, for test/model/precision.test.ts.

    reference/bin/python test/reference/half_precision.py MODEL_FOLDER > test/reference/half-precision.json

Float32 weights, torch.autocast("cpu", bfloat16); a loss is the mean of -log p over response tokens. Each error is
relative, in the L2 norm. "seeded" is a Llama whose weights come from a formula that the test repeats; "default" is the
default model on eight texts of default-model.json. Environment and MODEL_FOLDER: see default_model.py.
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

CONFIG = dict(vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
              head_dim=16, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=64, tie_word_embeddings=True)
ROWS = [[[(7 * i + 13 * row) % 299 + 1 for i in range(6 + 3 * row)], [(11 * i + 5 * row) % 299 + 1 for i in range(4 + row)]] for row in range(6)]


def seeded():
    """Weights from a small generator of whole numbers; in the order of their names."""
    model = LlamaForCausalLM(LlamaConfig(**CONFIG, attn_implementation="eager")).eval()
    state = 1
    for _, p in sorted(model.named_parameters()):
        values = []
        for _ in range(p.numel()):
            state = state * 48271 % 2147483647
            values.append(state / 2147483647 - 0.5)
        wave = torch.tensor(values, dtype=torch.float64).reshape(p.shape)
        p.data = ((1 + 0.2 * wave) if p.dim() == 1 else 0.4 * wave).to(torch.float32)
    return model


def passes(model, rows):
    """Log-probabilities of the response tokens, the loss of each row, and the gradient of their mean by every weight."""
    longest = max(len(p + r) for p, r in rows)
    ids = torch.tensor([p + r + [0] * (longest - len(p + r)) for p, r in rows])
    mask = torch.tensor([[1] * len(p + r) + [0] * (longest - len(p + r)) for p, r in rows])
    log_probs = torch.log_softmax(model(ids, attention_mask=mask).logits.float(), -1)
    picked = torch.stack([log_probs[row, len(p) + i - 1, token] for row, (p, r) in enumerate(rows) for i, token in enumerate(r)])
    model.zero_grad()
    picked.mean().neg().backward()
    losses = torch.stack([part.mean().neg() for part in picked.detach().split([len(r) for _, r in rows])])
    return picked.detach(), losses, {n: p.grad.clone() for n, p in model.named_parameters()}


def error(got, want):
    return float(f"{((got - want).norm() / want.norm()).item():.4g}")


def errors(model, rows):
    want, want_losses, want_gradients = passes(model, rows)
    with torch.autocast("cpu", torch.bfloat16):
        got, got_losses, got_gradients = passes(model, rows)
    return {"losses": want_losses.tolist(), "lossesError": error(got_losses, want_losses), "logProbsError": error(got, want),
            "gradientErrors": {n: error(got_gradients[n], want_gradients[n]) for n in want_gradients}}


def main():
    texts = [prompt["ids"] for prompt in json.loads((Path(__file__).parent / "default-model.json").read_text())["prompts"]]
    rows = [[ids[:2], ids[2:]] for ids in texts if 15 < len(ids) < 26][:8]
    default = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager").eval()
    json.dump({"torch": torch.__version__, "config": {"model_type": "llama", **CONFIG},
               "seeded": {"rows": ROWS, **errors(seeded(), ROWS)}, "default": {"rows": rows, **errors(default, rows)}}, sys.stdout)


main()
