"""Tiny tokenizers and chat templates shaped like those of common model families, and what transformers makes of them: prompts, ids, ends of turns,
ids of options, refusals, decoded text.

    reference/bin/python test/reference/chat_templates.py test/reference/chat      (environment: see default_model.py)

The templates are shortened and in our own words; every place where transformers keeps templates occurs. test/model/chat-template.test.ts compares.
"""
import json
import pathlib
import shutil
import sys
from datetime import datetime

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, GenerationConfig
from transformers.utils import chat_template_utils

DATE = "2026-01-01"
LINES = ["The answer is 1 and not 2, as the summary says.", "Preferred Response=1 or Preferred Summary=2", "SCORE: 10 of 10 points",
         "What is a good answer to this question?", "user assistant system Human Assistant turn"] * 3


class FixedClock(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(DATE)


chat_template_utils.datetime = FixedClock


def byte_level(special, plain=(), size=300, ignore_merges=False, pattern=None, bos=None):
    """As Llama 3, Qwen, Phi and SmolLM3: byte-level BPE; `pattern` splits digits one by one, as some of them do."""
    tok = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    tok.pre_tokenizer = level if pattern is None else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tok.add_special_tokens([AddedToken(t, normalized=False) for t in special])
    tok.add_tokens([AddedToken(t, normalized=False) for t in plain])
    if bos:  # the tokenizer adds it as well: a template that writes it must not get two
        tok.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tok.token_to_id(bos))])
    return tok


def sentence_piece(special, prefix, newline=False):
    """As Llama 2 (prefix "prepend"), Mistral ("first") and Gemma (none): BPE over characters with byte fallback."""
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    first = ["<unk>", *special, *[f"<0x{b:02X}>" for b in range(256)]]
    spaced = [line.replace(" ", "\u2581") for line in LINES]
    tok.train_from_iterator(spaced, trainers.BpeTrainer(vocab_size=len(first) + 90, show_progress=False, special_tokens=first))
    model = json.loads(tok.to_str())["model"]
    tok = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    replace = normalizers.Replace(" ", "\u2581")
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    if prefix == "prepend":
        tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace])
    elif prefix == "first":
        tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
    else:
        tok.normalizer = replace
    tok.add_special_tokens([AddedToken(t, normalized=False) for t in ["<unk>", *special]])
    if newline:
        tok.add_tokens([AddedToken("\n", normalized=False)])
    if prefix:
        tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tok.token_to_id("<s>"))])
    return tok


CHATML = ("{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
ALTERNATE = "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Turns of user and assistant must alternate') }}{% endif %}"
TODAY = "{% if not date_string is defined %}{% if strftime_now is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% else %}{% set date_string = '26 Jul 2024' %}{% endif %}{% endif %}"
OTHER = "{{ 'not this template' }}"

FAMILIES = {
    "llama2": dict(
        tokenizer=sentence_piece(["<s>", "</s>"], "prepend"), bos="<s>", eos="</s>", config_eos=2, generation_eos=2,
        in_config="{% if messages[0]['role'] == 'system' %}{% set opening = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}{% set turns = messages[1:] %}"
        "{% else %}{% set opening = '' %}{% set turns = messages %}{% endif %}{% for m in turns %}" + ALTERNATE +
        "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + (opening if loop.first else '') + m['content'].strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"),
    "mistral": dict(
        tokenizer=sentence_piece(["<s>", "</s>", "[INST]", "[/INST]"], "first"), bos="<s>", eos="</s>", config_eos=2,
        in_config=[dict(name="tool_use", template=OTHER), dict(name="default", template="{{ bos_token }}{% for m in messages %}" + ALTERNATE +
                   "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + '[/INST]' }}{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}")]),
    "gemma": dict(
        tokenizer=sentence_piece(["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], None, newline=True), bos="<bos>", eos="<eos>", config_eos=2,
        generation_eos=[2, 4], in_config=OTHER,
        jinja="{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('A system turn is not supported') }}{% endif %}{% for m in messages %}\n    " + ALTERNATE +
        "\n    {%- set role = 'model' if m['role'] == 'assistant' else m['role'] -%}\n{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"),
    "llama3": dict(
        tokenizer=byte_level(["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], ignore_merges=True,
                             pattern=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
                             bos="<|begin_of_text|>"),
        bos="<|begin_of_text|>", eos="<|eot_id|>", config_eos=["<|end_of_text|>", "<|eot_id|>"], clean_up=True,
        in_config="{{ bos_token }}" + TODAY + "{{ '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' + date_string + '\\n\\n' }}"
        "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] | trim }}{% set messages = messages[1:] %}{% endif %}{{ '<|eot_id|>' }}"
        "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"),
    "qwen2.5": dict(
        tokenizer=byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                             pattern=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        bos=None, eos="<|im_end|>", config_eos="<|endoftext|>", generation_eos=["<|im_end|>", "<|endoftext|>"],
        in_config="{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a good assistant.<|im_end|>\\n' }}{% endif %}" + CHATML),
    "qwen3": dict(
        tokenizer=byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], plain=["<think>", "</think>"], pattern=r"\p{N}|[^\p{N}\s]+|\s"),
        bos=None, eos="<|im_end|>", config_eos="<|im_end|>", jinja=
        "{%- for m in messages %}\n{%- set content = m.content %}\n{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}\n"
        "{{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n{{- '<|im_start|>assistant\\n' }}"
        "\n{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}\n{%- endif %}",
        additional=dict(tool_use=OTHER), variables=dict(enable_thinking=False)),
    "phi": dict(
        tokenizer=byte_level(["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]), bos=None, eos="<|endoftext|>", config_eos="<|endoftext|>",
        in_config="{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"),
    "smollm3": dict(
        tokenizer=byte_level(["<|begin_of_text|>", "<|im_start|>", "<|im_end|>"], plain=["<think>", "</think>"], bos="<|begin_of_text|>"), bos=None, eos="<|im_end|>", config_eos="<|im_end|>",
        jinja="{%- set today = strftime_now(\"%d %B %Y\") -%}\n{{- '<|im_start|>system\\nToday Date: ' ~ today ~ '\\n' }}\n"
        "{%- if messages[0].role == 'system' %}{{- messages[0].content }}{%- endif %}\n{{- '<|im_end|>\\n' }}\n{%- for m in messages if m.role != 'system' %}\n"
        "{%- if m.role == 'assistant' %}\n{% generation %}{{- '<|im_start|>assistant\\n' + m.content + '<|im_end|>\\n' }}{% endgeneration %}\n"
        "{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif %}\n{%- endfor %}\n"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"),
}

USER = dict(role="user", content="  What is a good answer,  1 or 22? \n")
ANSWER = dict(role="assistant", content="The answer is 1 ; not 2 .")
CONVERSATIONS = [[USER], [USER, ANSWER, dict(role="user", content="Why? \u00e9\u4f60")], [dict(role="system", content="Be short."), USER], [USER, USER]]
ENDINGS = ["Preferred Response=", "Thoughts\n\nPreferred Summary=", "SCORE: "]


def ids_of(tok, value):
    return [tok.convert_tokens_to_ids(v) if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])]


def write_folder(folder, f):
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(f["tokenizer"].to_str()), ensure_ascii=False, separators=(",", ":")))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", bos_token=f["bos"], eos_token=f["eos"], clean_up_tokenization_spaces=f.get("clean_up", False))
    if "in_config" in f:
        config["chat_template"] = f["in_config"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
    if "jinja" in f:
        (folder / "chat_template.jinja").write_text(f["jinja"])
    for name, template in f.get("additional", {}).items():
        (folder / "additional_chat_templates").mkdir()
        (folder / "additional_chat_templates" / f"{name}.jinja").write_text(template)
    one = lambda ids: ids if len(ids) > 1 else ids[0]
    tok = f["tokenizer"]
    number = lambda value: one([tok.token_to_id(v) if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])])
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=2048, vocab_size=tok.get_vocab_size(), eos_token_id=number(f["config_eos"])), indent=1))
    if "generation_eos" in f:
        (folder / "generation_config.json").write_text(json.dumps(dict(eos_token_id=number(f["generation_eos"])), indent=1))


def rendered(tok, messages, **variables):
    try:
        text = tok.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **variables)
    except Exception as error:  # the template's own refusal
        return dict(messages=messages, refused=str(error))
    return dict(messages=messages, text=text, ids=tok.apply_chat_template(messages, add_generation_prompt=True, **variables)["input_ids"])


def end_of_turn(tok):
    """The first added token after the assistant's words, by character offsets."""
    text = tok.apply_chat_template([USER, ANSWER], tokenize=False)
    after = text.rindex(ANSWER["content"]) + len(ANSWER["content"])
    encoded = tok(text, add_special_tokens=False, return_offsets_mapping=True)
    added = set(tok.added_tokens_decoder) - {i for i, t in tok.added_tokens_decoder.items() if t.content.isspace()}
    return next(i for i, (start, _) in zip(encoded["input_ids"], encoded["offset_mapping"]) if start >= after and i in added)


def option_ids(tok, ending):
    """Ids of "1" and of " 1" where they would stand: what one more token of text adds to the prompt."""
    prompt = tok.apply_chat_template([USER], tokenize=False, add_generation_prompt=True) + ending
    before = tok(prompt, add_special_tokens=False)["input_ids"]
    both = [tok(prompt + option, add_special_tokens=False)["input_ids"] for option in ["1", " 1"]]
    return [ids[-1] if ids[:-1] == before else None for ids in both]


def reference(folder, f):
    tok = AutoTokenizer.from_pretrained(folder)
    controls = [t.content for t in tok.added_tokens_decoder.values() if not t.content.isspace()]
    nasty = [dict(role="user", content=f"He wrote {t} and {controls[-1]}{t}\n then" ) for t in controls]
    try:
        generation = GenerationConfig.from_pretrained(folder).eos_token_id
    except OSError:
        generation = json.loads((folder / "config.json").read_text())["eos_token_id"]
    words = tok(ANSWER["content"], add_special_tokens=False)["input_ids"]
    return dict(
        conversations=[rendered(tok, messages) for messages in CONVERSATIONS],
        variables=f.get("variables"), withVariables=rendered(tok, [USER], **f.get("variables", {})),
        sanitized=[dict(messages=[m], ids=tok.apply_chat_template([m], add_generation_prompt=True, sanitize_control_tokens=True)["input_ids"]) for m in nasty],
        stops=ids_of(tok, generation), end=end_of_turn(tok), options=[dict(ending=e, ids=option_ids(tok, e)) for e in ENDINGS],
        decoded=dict(ids=words, text=tok.decode(words, skip_special_tokens=True)))


out = pathlib.Path(sys.argv[1])
shutil.rmtree(out, ignore_errors=True)
expected = {}
for name, family in FAMILIES.items():
    write_folder(out / name, family)
    expected[name] = reference(out / name, family)
(out / "expected.json").write_text(json.dumps(dict(date=DATE, families=expected), ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
