"""Visual prompt: a ViT (arXiv:2010.11929) turns the photo into 256 tokens, or a learned null prompt stands in.

Without a photo all 256 tokens are equal; a softmax over 256 equal keys is one key with ln 256 added to its score.
Training uses that one key (``null_tokens``), the graph all 256: the result is the same.
"""

import math

import torch
from torch import nn

from model_pipeline.models.config import PATCH, PROMPT_TOKENS, REST_FIELDS, ModelConfig
from model_pipeline.models.layers import AttentionLayer, ChannelNorm, Pointwise, merge_heads, split_heads

NULL_BIAS = math.log(PROMPT_TOKENS)
_REST_CENTRE = (5.0, 48.0, 0.5, 0.0)
_REST_SPREAD = (5.0, 6.0, 1.0, 1.0)


class PromptLayer(AttentionLayer):
    """Full self-attention over patches and feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.width, config.heads, depth=2 * config.prompt_layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,D,1,256] -> [B,D,1,256]."""
        y = self.norm(x)
        q = split_heads(self.q(y), self.heads)
        k, v = self.keys(y)
        scores = q.transpose(2, 3) @ k * q.shape[2] ** -0.5
        x = x + self.out(merge_heads(v @ torch.softmax(scores, dim=-1).transpose(2, 3)))
        return x + self.feed(x)


class VisualPrompt(nn.Module):
    """Photo and rest shape -> prompt tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, config.width, PATCH, stride=PATCH)
        self.position = nn.Parameter(torch.randn(1, config.width, 1, PROMPT_TOKENS) * 0.02)
        self.layers = nn.ModuleList(PromptLayer(config) for _ in range(config.prompt_layers))
        self.null = nn.Parameter(torch.randn(1, config.width, 1, 1) * 0.02)
        self.rest = Pointwise(REST_FIELDS, config.width)
        self.norm = ChannelNorm(config.width)
        self.shape_head = Pointwise(config.width, 2)
        """Auxiliary: opening and width of the photo's mouth (in units of the rest input), for training alone."""
        self.register_buffer(
            "rest_centre", torch.tensor(_REST_CENTRE).reshape(1, REST_FIELDS, 1, 1), persistent=False
        )
        self.register_buffer(
            "rest_spread", torch.tensor(_REST_SPREAD).reshape(1, REST_FIELDS, 1, 1), persistent=False
        )

    def see(self, photo: torch.Tensor) -> torch.Tensor:
        """[B,3,256,256] in 0..1 -> patch tokens [B,D,1,256]."""
        x = self.patch(photo * 2.0 - 1.0)
        x = x.reshape(x.shape[0], x.shape[1], 1, PROMPT_TOKENS) + self.position
        for layer in self.layers:
            x = layer(x)
        return x

    def shape_of(self, seen: torch.Tensor) -> torch.Tensor:
        """Patch tokens -> what the rest input would say [B,2,1,1], for the auxiliary loss."""
        return self.shape_head(torch.mean(seen, dim=3, keepdim=True))

    def normal_rest(self, rest: torch.Tensor) -> torch.Tensor:
        """Rest input in units of its spread."""
        return (rest - self.rest_centre) / self.rest_spread

    def forward(self, photo: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Photo [B,3,256,256], rest [B,4,1,1] -> tokens [B,D,1,256]."""
        has_photo = rest[:, 2:3]
        return self.mix(self.see(photo) * has_photo + self.null * (1.0 - has_photo), rest)

    def mix(self, tokens: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Add the rest shape to tokens seen; without a photo nothing is known of it."""
        return self.norm(tokens + self.rest(self.normal_rest(rest)) * rest[:, 2:3])

    def null_tokens(self) -> torch.Tensor:
        """The one key that stands for 256 equal ones: [1,D,1,1]; add NULL_BIAS to its score."""
        return self.norm(self.null)
