"""What transformers reads from config.json files in the forms that are found on the Hub, of all ages: nulls, fields left out, rope in three places.

    reference/bin/python test/reference/configs.py test/reference/configs.json      (environment: see default_model.py)

Sizes are small, everything else is as in those files. test/model/configs.test.ts compares.
"""
import json
import pathlib
import sys
import tempfile

import torch
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = dict(vocab_size=64, pad_token_id=0, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4)
LLAMA3 = dict(factor=32.0, high_freq_factor=4.0, low_freq_factor=1.0, original_max_position_embeddings=64)
SHORT, LONG = [1.0, 1.1, 1.5, 2.0], [1.0, 2.0, 8.0, 40.0]
FILES = {
    "llama-2": dict(model_type="llama", num_key_value_heads=4, max_position_embeddings=4096, rope_scaling=None, rms_norm_eps=1e-5, tie_word_embeddings=False, pretraining_tp=1),
    "llama-1, without many fields": dict(model_type="llama", num_key_value_heads=None, head_dim=None, pad_token_id=None, bos_token_id=None),
    "llama-3.2": dict(model_type="llama", num_key_value_heads=2, head_dim=16, max_position_embeddings=512, rope_theta=500000.0, rope_scaling=dict(**LLAMA3, rope_type="llama3"), tie_word_embeddings=True),
    "llama with dynamic scaling": dict(model_type="llama", max_position_embeddings=128, rope_scaling=dict(type="dynamic", factor=4.0)),
    "llama with linear scaling of an older form": dict(model_type="llama", rope_scaling=dict(type="linear", factor=4.0)),
    "llama with scaling of today's form": dict(model_type="llama", rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=1234.0)),
    "mistral-v0.1": dict(model_type="mistral", num_key_value_heads=2, sliding_window=64, max_position_embeddings=512, rope_theta=10000.0),
    "mistral-v0.3": dict(model_type="mistral", num_key_value_heads=2, sliding_window=None, max_position_embeddings=512, rope_theta=1000000.0),
    "mistral, window not named": dict(model_type="mistral", num_key_value_heads=2, max_position_embeddings=8192),
    "mistral-nemo": dict(model_type="mistral", num_key_value_heads=2, head_dim=16, sliding_window=None, max_position_embeddings=1024),
    "qwen2.5": dict(model_type="qwen2", num_key_value_heads=2, max_position_embeddings=512, max_window_layers=2, sliding_window=256, use_sliding_window=False, rope_theta=1000000.0),
    "qwen2, window in later layers": dict(model_type="qwen2", num_key_value_heads=2, max_position_embeddings=512, max_window_layers=2, sliding_window=256, use_sliding_window=True),
    "qwen2.5 with YaRN": dict(model_type="qwen2", num_key_value_heads=2, head_dim=16, max_position_embeddings=512, use_sliding_window=False, rope_theta=1000000.0,
                              rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=128)),
    "llama with YaRN of other bounds": dict(model_type="llama", head_dim=32, max_position_embeddings=4096, rope_scaling=dict(
        rope_type="yarn", factor=16.0, original_max_position_embeddings=256, beta_fast=8, beta_slow=2, truncate=False, mscale=1.0, mscale_all_dim=0.7)),
    "qwen3": dict(model_type="qwen3", num_key_value_heads=2, max_position_embeddings=512, max_window_layers=4, sliding_window=None, use_sliding_window=False, rope_scaling=None, tie_word_embeddings=True),
    "smollm3": dict(model_type="smollm3", num_key_value_heads=2, max_position_embeddings=512, rope_theta=5000000.0, sliding_window=None, no_rope_layers=[1, 1, 1, 0], rope_scaling=None),
    "gemma-1": dict(model_type="gemma", num_key_value_heads=1, head_dim=16, hidden_act="gelu", hidden_activation=None, rope_scaling=None),
    "gemma-2": dict(model_type="gemma2", num_key_value_heads=2, head_dim=16, hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=24,
                    attn_logit_softcapping=50.0, final_logit_softcapping=30.0, sliding_window=64, max_position_embeddings=512, cache_implementation="hybrid"),
    "gemma-2, bounds turned off": dict(model_type="gemma2", num_key_value_heads=2, attn_logit_softcapping=None, final_logit_softcapping=None),
    "gemma-3": dict(model_type="gemma3_text", num_key_value_heads=1, num_hidden_layers=8, head_dim=16, query_pre_attn_scalar=16, rope_local_base_freq=10000, rope_theta=1000000, rope_scaling=None,
                    sliding_window=64, sliding_window_pattern=6, attn_logit_softcapping=None, final_logit_softcapping=None, max_position_embeddings=512),
    "gemma-3, scaled": dict(model_type="gemma3_text", num_key_value_heads=1, head_dim=16, rope_local_base_freq=5000, rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=64),
    "phi-3-mini-4k": dict(model_type="phi3", num_key_value_heads=4, sliding_window=100, max_position_embeddings=512, original_max_position_embeddings=512, rope_scaling=None, rope_theta=10000.0),
    "phi-3-mini-128k": dict(model_type="phi3", num_key_value_heads=4, sliding_window=8192, max_position_embeddings=4096, original_max_position_embeddings=128,
                            rope_scaling=dict(type="longrope", short_factor=SHORT, long_factor=LONG)),
    "phi-4": dict(model_type="phi3", num_key_value_heads=2, sliding_window=None, max_position_embeddings=512, original_max_position_embeddings=512, rope_theta=250000, rope_scaling=None,
                  attention_bias=False),
    "phi-4-mini": dict(model_type="phi3", num_key_value_heads=2, partial_rotary_factor=0.75, max_position_embeddings=4096, original_max_position_embeddings=128, tie_word_embeddings=True,
                       rope_scaling=dict(type="longrope", short_factor=SHORT[:3], long_factor=LONG[:3]), sliding_window=8192),
    "olmo-2": dict(model_type="olmo2", num_key_value_heads=4, max_position_embeddings=512, rope_theta=500000, rope_scaling=None, tie_word_embeddings=False),
}


def raw_config(fields):
    return {**SIZES, **fields}


def layer(model, config, i):
    """Window, and cosines at position 1."""
    layer_type = (getattr(config, "layer_types", None) or [None] * 99)[i]
    rotary = model.model.rotary_emb
    nested = hasattr(rotary, f"{layer_type}_inv_freq")
    frequencies = getattr(rotary, f"{layer_type}_inv_freq") if nested else rotary.inv_freq
    scaling = getattr(rotary, f"{layer_type}_attention_scaling") if nested else rotary.attention_scaling
    window = getattr(config, "sliding_window", None) if layer_type in (None, "sliding_attention") else None
    is_rotated = config.model_type != "smollm3" or bool(config.no_rope_layers[i])
    return dict(window=window, cos=(torch.cos(frequencies) * scaling).tolist() if is_rotated else None)


def read(fields):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(raw_config(fields)))
        config = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    attention = model.model.layers[0].self_attn
    return dict(
        headSize=attention.head_dim, keyValueHeads=config.num_key_value_heads, queryScale=attention.scaling, tiedHead=bool(config.tie_word_embeddings), normEpsilon=config.rms_norm_eps,
        attentionCap=getattr(config, "attn_logit_softcapping", None), logitCap=getattr(config, "final_logit_softcapping", None), contextLength=config.max_position_embeddings,
        isLongRope=config.rope_parameters.get("rope_type") == "longrope", originalLength=config.rope_parameters.get("original_max_position_embeddings"), parameters=sum(p.numel() for p in model.parameters()),
        layers=[layer(model, config, i) for i in range(config.num_hidden_layers)])


pathlib.Path(sys.argv[1]).write_text(json.dumps([dict(name=n, raw=raw_config(f), read=read(f)) for n, f in FILES.items()], separators=(",", ":")) + "\n")
