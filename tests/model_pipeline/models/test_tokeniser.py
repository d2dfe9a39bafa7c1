"""Motion goes into tokens and comes back."""

import torch

from model_pipeline.models.config import TINY
from model_pipeline.models.tokeniser import Codebook


def test_codebook_settles_on_the_vectors_it_is_shown():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(8, TINY.code_dim, generator=generator) * 3
    book = Codebook(TINY)
    book.adopt(centres[torch.randint(8, (64,), generator=generator)], generator)
    for _ in range(60):
        shown = centres[torch.randint(8, (256,), generator=generator)]
        shown = shown + 0.01 * torch.randn(shown.shape, generator=generator)
        book.follow(shown, book.nearest(shown), generator)
    back = book.lookup(book.nearest(centres))
    assert (back - centres).norm(dim=1).max() < 0.1


def test_a_code_that_nobody_uses_is_put_where_vectors_are():
    generator = torch.Generator().manual_seed(0)
    book = Codebook(TINY)
    book.vectors[0] = 1e3
    shown = torch.randn(64, TINY.code_dim, generator=generator)
    for _ in range(400):
        book.follow(shown, book.nearest(shown), generator)
    assert book.vectors[0].abs().max() < 10
