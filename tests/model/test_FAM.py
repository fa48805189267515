"""FAM: the alignment loss is the formula, written out clip by clip."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.FAM import FAM, contrast


def alignment(g, c, temperature=0.4):
    """(N,), every term of the formula by itself."""

    def s(a, b):
        return np.exp(a @ b / np.linalg.norm(a) / np.linalg.norm(b) / temperature)

    def one(a, b, i):
        others = sum(s(a[i], a[k]) for k in range(len(a)) if k != i)
        return -np.log(s(a[i], b[i]) / (sum(s(a[i], b[k]) for k in range(len(b))) + others))

    return np.array([(one(g, c, i) + one(c, g, i)) / 2 for i in range(len(g))])


@pytest.fixture
def fam():
    torch.manual_seed(0)
    return FAM(feature_dim=6, video_dim=9).double()


@pytest.mark.parametrize('clips', [1, 2, 5])
def test_equals_the_formula(fam, clips):
    feature, video = torch.randn(clips, 6).double(), 3 * torch.randn(clips, 9).double()
    weight, bias, weight2, bias2 = (p.detach().numpy() for p in fam.parameters())
    projected = np.maximum(video.numpy() @ weight.T + bias, 0) @ weight2.T + bias2
    np.testing.assert_allclose(
        fam(feature, video).detach(), alignment(feature.numpy(), projected), rtol=1e-12, atol=1e-15
    )


def test_similarities_are_those_of_the_loss(fam):
    feature, video = torch.randn(4, 6).double(), torch.randn(4, 9).double()
    similarity = fam.similarity(feature, video)
    torch.testing.assert_close(similarity[2, 3], F.cosine_similarity(feature[2], fam.mlp(video[3]), dim=0))
    assert similarity.shape == (4, 4) and similarity.abs().max() <= 1


def test_a_single_clip_has_no_negatives(fam):
    assert fam(torch.randn(1, 6).double(), torch.randn(1, 9).double()).item() == 0


def test_the_length_of_a_feature_does_not_count(fam):
    feature, video = torch.randn(4, 6).double(), torch.randn(4, 9).double()
    torch.testing.assert_close(fam(5 * feature, video), fam(feature, video))


def test_the_order_of_the_clips_does_not_count(fam):
    feature, video, order = torch.randn(4, 6).double(), torch.randn(4, 9).double(), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(fam(feature[order], video[order]), fam(feature, video)[order])


def test_matching_pairs_cost_less_than_mixed_ones():
    unit = torch.eye(4)
    assert contrast(unit, unit).max() < contrast(unit, unit.roll(1, 0)).min()


def test_the_skeleton_learns_and_the_video_does_not(fam):
    feature, video = (torch.randn(3, width).double().requires_grad_() for width in (6, 9))
    fam(feature, video).sum().backward()
    assert feature.grad.abs().sum() > 0 and video.grad is None
    assert all(p.grad.abs().sum() > 0 for p in fam.parameters())
