"""What other people's model folders need beside diffusers: a tokenizer that is a spiece.model alone, and ftfy."""

import io
import json
from pathlib import Path

import pytest

from tests.generation.tiny import WORDS

pytestmark = pytest.mark.ml


@pytest.fixture
def spiece(tmp_path: Path) -> Path:
    """The tokenizer's folder of an LTX-Video or CogVideoX, in small: no tokenizer.json."""
    import sentencepiece

    model = io.BytesIO()
    sentences = [" ".join(WORDS[place:] + WORDS[:place]) for place in range(len(WORDS))]
    sentencepiece.SentencePieceTrainer.train(  # numbered as T5's is
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=40, hard_vocab_limit=False, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    (tmp_path / "spiece.model").write_bytes(model.getvalue())
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "model_max_length": 128}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.mark.parametrize("name", ["T5Tokenizer", "AutoTokenizer"])
def test_a_tokenizer_that_is_a_spiece_model_alone_is_read(spiece: Path, name: str) -> None:
    import transformers

    tokenizer = getattr(transformers, name).from_pretrained(str(spiece), local_files_only=True)
    numbers = tokenizer("the red sea").input_ids
    assert tokenizer.convert_ids_to_tokens(numbers) == ["▁the", "▁red", "▁sea", "</s>"]


def test_classes_that_clean_prompts_find_what_they_clean_with() -> None:
    from diffusers.pipelines.skyreels_v2 import pipeline_skyreels_v2

    assert pipeline_skyreels_v2.prompt_clean("the  sea’s schön") == "the sea's schön"
