"""Tiny pipeline folders of several classes, with random weights: real diffusers pipelines, built offline in a second.

``build("WanPipeline", folder)`` writes one that ``DiffusionPipeline.from_pretrained`` loads, with a ``studio.json``.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = [
    "a",
    "the",
    "red",
    "blue",
    "green",
    "circle",
    "square",
    "star",
    "moving",
    "left",
    "right",
    "up",
    "down",
    "on",
    "black",
    "white",
    "sea",
    "over",
    "hills",
    "snow",
]


def build(name: str, folder: Path, *, make: Callable[[], Any] | None = None, **more: Any) -> Path:
    """Write the folder of a pipeline class, of which ``make`` may make another one; the same bytes each time.

    ``more`` are further arguments of its call.
    """
    usual, call = {**PIPELINES, **UNVERIFIED}[name]
    torch.manual_seed(7)
    (make or usual)().save_pretrained(folder, safe_serialization=True)
    (folder / "studio.json").write_text(json.dumps(studio(name, {**call, **more})))
    return folder


def studio(name: str, call: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"Tiny {name}",
        "about": "Random weights: it draws noise.",
        "call": call,
        "defaults": {"steps": 4, "guidance": 3.0},
        "limits": {"steps": [2, 40], "guidance": [1.0, 8.0]},
        "sizes": [[call["width"], call["height"]], [call["height"], call["width"]]],
        "lengths": [call["num_frames"]],
        "deliver_width": 96,
    }


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """One token a word; what it does not know is ``<unk>``."""
    special = ["<pad>", "</s>", "<unk>"]
    known = {word: number for number, word in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", known["</s>"])])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=128
    )


def text_encoder(kind: Any = transformers.T5EncoderModel, config: Any = transformers.T5Config) -> Any:
    return kind(config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)).eval()


def ltx(*, wants_noise: bool = False) -> Any:
    """``wants_noise`` is what LTX's VAEs do from version 0.9.1 on."""
    widths = (8, 8, 8, 8)
    vae = diffusers.AutoencoderKLLTXVideo(
        in_channels=3, out_channels=3, latent_channels=8, block_out_channels=widths, decoder_block_out_channels=widths,
        layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, False, False), decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,) * 5, upsample_residual=(False,) * 4, upsample_factor=(1,) * 4,
        timestep_conditioning=wants_noise, patch_size=1, patch_size_t=1, encoder_causal=True, decoder_causal=False,
    )  # fmt: skip
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, patch_size=1, patch_size_t=1, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=2, caption_channels=32,
    )  # fmt: skip
    return diffusers.LTXPipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
    )


def wan() -> Any:
    vae = diffusers.AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    transformer = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
        text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )  # fmt: skip
    return diffusers.WanPipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        text_encoder=text_encoder(transformers.UMT5EncoderModel, transformers.UMT5Config),
        tokenizer=tokenizer(),
    )


def cogvideox() -> Any:
    vae = diffusers.AutoencoderKLCogVideoX(
        in_channels=3, out_channels=3, block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1,
        norm_num_groups=2, temporal_compression_ratio=4,
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4,
    )  # fmt: skip
    transformer = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=4, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=32,
        num_layers=2, sample_width=4, sample_height=4, sample_frames=9, patch_size=2, temporal_compression_ratio=4,
        max_text_seq_length=16,
    )  # fmt: skip
    return diffusers.CogVideoXPipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=diffusers.CogVideoXDDIMScheduler(),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
    )


def mochi() -> Any:
    vae = diffusers.AutoencoderKLMochi(
        latent_channels=12, out_channels=3, encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32), layers_per_block=(1, 1, 1, 1, 1),
    )  # fmt: skip
    transformer = diffusers.MochiTransformer3DModel(
        patch_size=2, num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16,
        in_channels=12, qk_norm="rms_norm", text_embed_dim=32, time_embed_dim=4, activation_fn="swiglu",
        max_sequence_length=16,
    )  # fmt: skip
    return diffusers.MochiPipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
    )


def latte() -> Any:
    """A class of those that nobody verified, with another name for the number of frames."""
    vae = diffusers.AutoencoderKL(
        block_out_channels=[8], down_block_types=["DownEncoderBlock2D"], up_block_types=["UpDecoderBlock2D"],
        latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    transformer = diffusers.LatteTransformer3DModel(
        num_attention_heads=3, attention_head_dim=8, in_channels=4, out_channels=8, cross_attention_dim=24,
        attention_bias=True, sample_size=16, patch_size=2, activation_fn="gelu-approximate", num_embeds_ada_norm=1000,
        norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6, caption_channels=32, video_length=5,
    )  # fmt: skip
    return diffusers.LattePipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=diffusers.DDIMScheduler(),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
    )


def call(width: int, height: int, frames: int, **more: Any) -> dict[str, Any]:
    return {"width": width, "height": height, "num_frames": frames, "frame_rate": 8, "max_sequence_length": 16, **more}


PIPELINES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "LTXPipeline": (ltx, call(64, 32, 9)),
    "WanPipeline": (wan, call(32, 16, 9)),
    "CogVideoXPipeline": (cogvideox, call(32, 16, 9)),
    "MochiPipeline": (mochi, call(32, 16, 7)),
}
UNVERIFIED: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {"LattePipeline": (latte, call(16, 16, 5))}
