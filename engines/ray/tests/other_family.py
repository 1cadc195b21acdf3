"""A tiny model of a family that rlaif does not compute itself (GPT-NeoX).

Run: python -m tests.other_family FOLDER VOCABULARY_SIZE
"""

import sys

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM


def main(folder: str, vocabulary: int) -> None:
    torch.manual_seed(1)
    config = GPTNeoXConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
    )
    GPTNeoXForCausalLM(config).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
