"""A tiny model of a family that rlaif does not compute itself: GPT-NeoX; or Cohere, which lacks a classifier too.

Run: python -m tests.other_family gpt_neox|cohere FOLDER VOCABULARY_SIZE
"""

import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM


def write(family: str, folder: str, vocabulary: int) -> None:
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        family,
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
