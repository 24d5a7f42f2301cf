"""The score of `bench.encoder`: its search for the content weight, on a painter whose losses are known."""

import pytest
import torch

from bench.encoder import FURTHEST, Pair, Result


class Painter(Pair):
    """A pair whose content loss at `alpha` is `first / alpha`, and whose style loss rises with alpha."""

    def __init__(self, first):
        self.first, self.alphas = first, []
        self.before = Result(torch.zeros(1), 1.0, 0.0)

    def painted(self, encoder, alpha=1.0):
        self.alphas.append(alpha)
        return Result(torch.zeros(1), 0.1 * alpha, self.first / alpha)


@pytest.mark.parametrize("first", [0.2, 1.05, 1.11, 2.0, 6.0, 15.0])
def test_the_score_is_that_of_nearly_the_lowest_alpha_with_a_low_content_loss(first):
    painter = Painter(first)
    score, alpha, same = painter.scored(None, Result(torch.zeros(1), 0.1, 1.0))
    exact = first / 1.1
    assert exact <= alpha <= 1.2 * exact and same.content == first
    assert score == pytest.approx((1 - 0.1 * alpha) / 0.9)
    assert len(painter.alphas) <= 8


def test_there_is_no_score_where_the_content_loss_stays_too_high():
    painter = Painter(1000.0)
    assert painter.scored(None, Result(torch.zeros(1), 0.1, 1.0))[0] == 0
    assert max(painter.alphas) == FURTHEST


def test_one_that_hardly_changes_anything_is_not_sought_forever():
    painter = Painter(0.0)
    _, alpha, _ = painter.scored(None, Result(torch.zeros(1), 0.1, 1.0))
    assert 1 / FURTHEST / 2 <= alpha < 0.1 and len(painter.alphas) < 10
