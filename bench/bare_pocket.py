"""The bare side: diffusers and ffmpeg, nothing of ours. Reads ``seed<TAB>prompt`` lines, answers each with seconds."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from diffusers import DiffusionPipeline


def encode(frames: np.ndarray, folder: Path) -> bytes:
    """The same H.264 as the product's playable rendition."""
    height, width = frames.shape[1:3]
    target = folder / "clip.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", "8", "-i", "pipe:", "-vf", "scale=768:-2:flags=lanczos"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "16", "-preset", "veryfast"]
    subprocess.run([*command, "-movflags", "+faststart", str(target)], input=frames.tobytes(), check=True)
    return target.read_bytes()


def main(folder: str, steps: int, guidance: float, threads: int) -> None:
    torch.set_num_threads(threads)
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    call = {
        "height": 64,
        "width": 96,
        "num_frames": 17,
        "frame_rate": 8,
        "max_sequence_length": 24,
        "output_type": "np",
    }
    print("ready", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            seed, prompt = line.rstrip("\n").split("\t")
            started = time.perf_counter()
            with torch.inference_mode():
                generator = torch.Generator().manual_seed(int(seed))
                made = pipeline(
                    prompt, num_inference_steps=steps, guidance_scale=guidance, generator=generator, **call
                ).frames[0]
            encode((np.clip(made, 0, 1) * 255).round().astype(np.uint8), Path(scratch))
            print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
