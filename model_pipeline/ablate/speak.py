"""The token loop for any variant: whole windows through the training's forward pass, no caches.

Slower than the frame's own loop and equal to it for the model as shipped (a test says so), but it takes a model whose
mask, positions or order of tokens the exported graph does not know.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from device_agent.engine.features import log_mel
from model_pipeline.models.nano import Nano, pad_mel
from model_pipeline.models.spacetime import Prompt


@torch.inference_mode()
def codes_of(
    model: Nano, audio: NDArray[np.float32], temperature: float, prompt: Prompt | None = None
) -> NDArray[np.float32]:
    """Return the mean codes [F,T,K] for 16 kHz sound."""
    model.eval()
    prompt = prompt or model.null_prompt()
    heard = model.audio(pad_mel(torch.from_numpy(log_mel(audio))[None], model.config))
    frames, config = heard.shape[3], model.config
    codes = torch.zeros(1, frames, config.tokens_per_frame, config.code_dim)
    passes = getattr(model, "passes", 1)
    for frame in range(frames):
        window = slice(max(0, frame - config.context_frames), frame + 1)
        for number in range(passes):
            told = model.fed_back(codes[:, : frame + 1])[:, window]
            logits = model.motion_logits(heard[..., window], told, prompt)[0, -1]
            mean = torch.softmax(logits / temperature, dim=-1) @ model.codebook.vectors
            own = slice(None) if passes == 1 else slice(number, number + 1)
            codes[0, frame, own] = mean[own]
    return codes[0].numpy()


@torch.inference_mode()
def maps_of(model: Nano, codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decode codes [F,T,K] to maps [F,4,64,64] mm."""
    return model.decode(torch.from_numpy(codes)).numpy()
