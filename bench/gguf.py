"""Writes a Llama model folder as a GGUF file for llama.cpp: python gguf.py <folder> <file> float32|bfloat16

Matrices are stored in the given type, norms in float32. Rows of q and k are in llama.cpp's order: it rotates
neighbouring values, where checkpoints rotate the halves of a head.
"""
import json
import os
import sys

import numpy
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants
from safetensors.numpy import load_file

folder, file, precision = sys.argv[1:]
STORED = {"float32": GGMLQuantizationType.F32, "bfloat16": GGMLQuantizationType.BF16}[precision]
config = json.load(open(os.path.join(folder, "config.json")))
HEADS = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def renamed(name):
    name = name.removesuffix(".weight")
    if name.startswith("model.layers."):
        _, _, layer, part = name.split(".", 3)
        return f"blk.{layer}.{NAMES[part]}.weight"
    return f"{NAMES[name]}.weight"


def reordered(name, weight):
    """Of each head [2, half, in] to [half, 2, in]; other weights as they are."""
    heads = HEADS.get(name.split(".")[-2])
    if heads is None:
        return weight
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def add_settings(writer):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def add_tokenizer(writer):
    tokenizer = json.load(open(os.path.join(folder, "tokenizer.json")))
    special = {token["content"] for token in tokenizer["added_tokens"] if token["special"]}
    ids = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    tokens = sorted(ids, key=ids.get)
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


writer = GGUFWriter(file, "llama")
add_settings(writer)
add_tokenizer(writer)
for name, tensor in load_file(os.path.join(folder, "model.safetensors")).items():
    if name == "lm_head.weight" and config["tie_word_embeddings"]:
        continue
    weight = numpy.ascontiguousarray(reordered(name, tensor.astype(numpy.float32)))
    stored = STORED if weight.ndim > 1 else GGMLQuantizationType.F32
    writer.add_tensor(renamed(name), quants.quantize(weight, stored), raw_dtype=stored)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
