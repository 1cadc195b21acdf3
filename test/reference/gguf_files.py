"""Small GGUF files of the vocabularies and layouts of Llama 2, Llama 3, Mistral Nemo, Qwen2 and Qwen3, and what llama.cpp makes of them: ids, text, logits.

    reference/bin/pip install sentencepiece==0.2.3 llama-cpp-python==0.3.36
    reference/bin/python test/reference/gguf_files.py test/reference/gguf      (environment: see default_model.py)

Weights are those of random models of transformers, written as llama.cpp's converter does; llama.cpp's own logits show that they are where it
looks for them. test/model/gguf-files.test.ts compares.
"""
import io
import json
import pathlib
import sys

import gguf
import llama_cpp
import numpy as np
import sentencepiece
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

LINES = ["The answer is 1 and not 2, as the summary says.", "Preferred Response=1 or Preferred Summary=2", "SCORE: 10 of 10 points",
         "What is a good answer to this question?", "user assistant system Human Assistant turn", "don't we'll they've it's I'm"] * 3
TEXTS = ["The answer is 1 and not 2.", " a space before", "two  spaces   and\n\nlines\t\n tab ", "12345 and 2026", "don't WE'LL it's", "naïve café, 你好 ünï 🙂", "camelCase HTMLParser //x\n/y ÀÉÎõ",
         "Preferred Summary=1", "x", "", "=== !!! ...\r\nend  ", "A<|eot|>B</s>C <think> D"]
CHAT = "{{ bos_token }}{% for m in messages %}{{ m['role'] + ': ' + m['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
T = gguf.TokenType
LLAMA3_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN_SPLIT = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
                r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SIZES = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256)


def spm_vocabulary():
    """As Llama 2's: BPE with byte fallback, scores, no merges."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LINES), model_writer=model, vocab_size=420, model_type="bpe", byte_fallback=True, character_coverage=0.99,
                                             split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False, hard_vocab_limit=False, minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    kinds = [T.UNKNOWN if sp.is_unknown(i) else T.CONTROL if sp.is_control(i) else T.BYTE if sp.is_byte(i) else T.NORMAL for i in range(sp.get_piece_size())]
    tokens, scores = [sp.id_to_piece(i) for i in range(sp.get_piece_size())], [sp.get_score(i) for i in range(sp.get_piece_size())]
    return tokens + ["<|eot|>", "<think>"], scores + [0.0, 0.0], kinds + [T.CONTROL, T.USER_DEFINED]


def byte_level_vocabulary(pattern):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=330, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(tok.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    special = ["<|begin|>", "<|end|>", "<|eot|>"]
    return tokens + special + ["<think>"], [" ".join(m) for m in model["merges"]], [T.NORMAL] * len(tokens) + [T.CONTROL] * 3 + [T.USER_DEFINED]


def permute(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def tensor_name(name):
    other = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in other:
        return other[name]
    _, _, layer, rest = name.split(".", 3)
    module, kind = rest.rsplit(".", 1)
    modules = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
               "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
               "mlp.down_proj": "ffn_down"}
    return f"blk.{layer}.{modules[module]}.{kind}"


def make_model(config):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((1.0 if p.dim() == 1 else 0.0) + (0.1 if p.dim() == 1 else 0.2) * torch.randn_like(p))
            p.copy_(p.to(torch.bfloat16))  # so that half-precision files hold them exactly
    return model


def write(path, architecture, model, vocabulary):
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    head_size = model.model.layers[0].self_attn.head_dim
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    vocabulary(writer)
    if config.rope_parameters["rope_type"] == "llama3":  # as llama.cpp's converter: by what each frequency is divided
        plain = 1.0 / config.rope_parameters["rope_theta"] ** (np.arange(0, head_size, 2) / head_size)
        writer.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq.numpy()).astype(np.float32))
    for name, parameter in model.named_parameters():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.detach().numpy()
        if architecture == "llama" and "q_proj" in name:
            values = permute(values, config.num_attention_heads)
        if architecture == "llama" and "k_proj" in name:
            values = permute(values, config.num_key_value_heads)
        raw = np.ascontiguousarray(values)
        if raw.ndim == 2:  # to keep the files small
            writer.add_tensor(tensor_name(name), gguf.quants.quantize(raw, gguf.GGMLQuantizationType.BF16), raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(tensor_name(name), raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def spm_keys(vocabulary):
    def add(writer):
        tokens, scores, kinds = vocabulary
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(tokens)
        writer.add_token_scores(scores)
        writer.add_token_types(kinds)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        writer.add_chat_template(CHAT)
    return add


def bpe_keys(vocabulary, pre, bos):
    def add(writer):
        tokens, merges, kinds = vocabulary
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types(kinds)
        writer.add_token_merges(merges)
        if bos:
            writer.add_bos_token_id(tokens.index("<|begin|>"))
        writer.add_add_bos_token(bos)
        writer.add_eos_token_id(tokens.index("<|end|>"))
        writer.add_eot_token_id(tokens.index("<|eot|>"))
    return add


def by_llama_cpp(path, model):
    llm = llama_cpp.Llama(str(path), n_ctx=128, logits_all=True, verbose=False, n_threads=1)
    ids = lambda text: llm.tokenize(text.encode(), add_bos=False, special=True)
    texts = [dict(text=t, ids=ids(t), withBeginning=llm.tokenize(t.encode(), add_bos=True, special=True)) for t in TEXTS]
    prompt = ids(TEXTS[0])
    llm.eval(prompt)
    logits = np.array(llm.scores[len(prompt) - 1])
    with torch.no_grad():
        ours = model(torch.tensor([prompt])).logits[0, -1].numpy()
    assert np.abs(logits - ours).max() < 0.05 * np.abs(ours).max(), (path, np.abs(logits - ours).max())  # llama.cpp computes in half precision
    return dict(texts=texts, prompt=prompt, logits=[round(float(v), 6) for v in ours])


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(exist_ok=True)
    spm, tekken, llama3, qwen = spm_vocabulary(), byte_level_vocabulary(TEKKEN_SPLIT), byte_level_vocabulary(LLAMA3_SPLIT), byte_level_vocabulary(LLAMA3_SPLIT.replace("{1,3}", ""))
    scaled = dict(rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
    files = {
        "llama-2": ("llama", LlamaConfig(**SIZES, vocab_size=len(spm[0]), tie_word_embeddings=False), spm_keys(spm)),
        "llama-3": ("llama", LlamaConfig(**SIZES, vocab_size=len(llama3[0]), rope_parameters=scaled, tie_word_embeddings=True), bpe_keys(llama3, "llama-bpe", True)),
        "mistral-nemo": ("llama", LlamaConfig(**SIZES, vocab_size=len(tekken[0]), head_dim=16, tie_word_embeddings=False), bpe_keys(tekken, "tekken", True)),
        "qwen2": ("qwen2", Qwen2Config(**SIZES, vocab_size=len(qwen[0]), tie_word_embeddings=True), bpe_keys(qwen, "qwen2", False)),
        "qwen3": ("qwen3", Qwen3Config(**SIZES, vocab_size=len(qwen[0]), head_dim=16, tie_word_embeddings=False), bpe_keys(qwen, "qwen2", False)),
    }
    expected = {}
    for name, (architecture, config, vocabulary) in files.items():
        model = make_model(config)
        write(out / f"{name}.gguf", architecture, model, vocabulary)
        expected[name] = by_llama_cpp(out / f"{name}.gguf", model)
    (out / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
