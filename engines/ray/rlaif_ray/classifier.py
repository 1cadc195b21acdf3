"""Language models with a score head, of any family: transformers has a class for most of them, others get one here."""

import re
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GenericForSequenceClassification
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
)

LANGUAGE_MODEL = re.compile("(ForCausalLM|LMHeadModel|ForConditionalGeneration)$")


def load_classifier(folder: str) -> PreTrainedModel:
    """The model in a folder with a head for one score; the head is random where the folder has none."""
    config = AutoConfig.from_pretrained(folder)
    is_known = type(config) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    kind: Any = AutoModelForSequenceClassification if is_known else classifier_for(config)
    return kind.from_pretrained(folder, num_labels=1, dtype=torch.float32)


def classifier_for(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """A class in the way of transformers' own: the family's base model, and a linear head called `score`."""
    language_model: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    family = next(kind for kind in language_model.__mro__[1:] if issubclass(kind, PreTrainedModel))
    name = LANGUAGE_MODEL.sub("ForSequenceClassification", language_model.__name__)
    of_family = {"base_model_prefix": family.base_model_prefix, "config_class": type(config)}
    return type(name, (GenericForSequenceClassification, family), of_family)
