"""What the engine's numbers are held against: NumPy in float64, written from the papers' and programs' sums, not from the engine.

F, S and C are features (channels, height, width), g a guide (height, width), x a picture (3, height, width)."""

import numpy as np
import scipy.fft
import scipy.linalg
import torch

from stylekit import formulations, statistics
from stylekit.statistics import FLOOR, LEVELS, _directions

# ----------------------------------------------------------------------------------------------- what they are tried on


def features(seed, channels=5, height=4, width=6):
    """As after a ReLU: non-negative, many of them 0."""
    return np.maximum(np.random.default_rng(seed).normal(0.3, 1.0, (channels, height, width)), 0)


def pixels(seed, height=5, width=7):
    return np.random.default_rng(seed).random((3, height, width))


def tensor(array):
    return torch.from_numpy(array)[None].double()


def dense(seed, channels=5, height=4, width=6):
    """Without the zeros of a ReLU, hence without ties when it is sorted."""
    return np.random.default_rng(seed).normal(0.3, 1.0, (channels, height, width))


def a_guide(seed, height=4, width=6):
    """Soft, with some zeros and ones."""
    return np.clip(np.random.default_rng(seed).normal(0.5, 0.6, (height, width)), 0, 1)


def slopes(function, f, step=1e-5):
    """Central differences of `function` in every entry of `f`."""
    slope = np.empty_like(f)
    for index in np.ndindex(f.shape):
        up, down = f.copy(), f.copy()
        up[index] += step
        down[index] -= step
        slope[index] = (function(up) - function(down)) / (2 * step)
    return slope


def gradient(function, f):
    x = tensor(f).requires_grad_(True)
    return torch.autograd.grad(function(x), x)[0][0].numpy()


def edges(x, mode="edge"):
    """SciPy's cosine transform of the brightness of 3x3 pixels around each; what is above 0, then what is below."""
    y = np.pad(np.tensordot([0.299, 0.587, 0.114], x, 1), 1, mode)
    windows = np.lib.stride_tricks.sliding_window_view(y, (3, 3))
    found = scipy.fft.dctn(windows, axes=(2, 3), norm="ortho").reshape(*windows.shape[:2], 9)[..., 1:].transpose(2, 0, 1)
    return np.concatenate([found.clip(min=0), (-found).clip(min=0)])


# -------------------------------------------------------------------------------------------------------------- moments


def mean(f):
    return np.einsum("ixy->i", f) / f[0].size


def gram(f):
    return np.einsum("ixy,jxy->ij", f, f) / f[0].size


def cov(f):
    d = f - mean(f)[:, None, None]
    return np.einsum("ixy,jxy->ij", d, d) / f[0].size


def squares(x):
    return np.einsum("i,i->", x.ravel(), x.ravel())


def guided_mean(f, g):
    return np.einsum("xy,ixy->i", g, f) / g.sum()


def guided_gram(f, g):
    return np.einsum("xy,ixy,jxy->ij", g, f, f) / g.sum()


def guided_cov(f, g):
    d = f - guided_mean(f, g)[:, None, None]
    return np.einsum("xy,ixy,jxy->ij", g, d, d) / g.sum()


# --------------------------------------------------------------------------------------------------- distances of style


def gram_oracle(f, s):
    return squares(gram(f) - gram(s)) / squares(gram(s))


def mean_covariance_oracle(f, s):
    return 0.5 * squares(cov(f) - cov(s)) / squares(cov(s)) + 0.5 * squares(mean(f) - mean(s)) / squares(mean(s))


def covariance_oracle(f, s):
    return squares(cov(f) - cov(s)) / squares(cov(s))


def mean_variance_oracle(f, s):
    v, v_s = (np.array([channel.var() for channel in features]) for features in (f, s))
    return 0.5 * squares(v - v_s) / squares(v_s) + 0.5 * squares(mean(f) - mean(s)) / squares(mean(s))


def wasserstein_distance(m, c, m_s, c_s):
    """Squared Wasserstein-2 distance of two Gaussians."""
    root = square_root(c_s)
    return squares(m - m_s) + np.trace(c + c_s - 2 * square_root(root @ c @ root))


def square_root(c):
    """Of a symmetric matrix, singular or not."""
    values, axes = np.linalg.eigh(c)
    return axes * np.sqrt(np.maximum(values, 0)) @ axes.T


def wasserstein_oracle(f, s):
    energy = sum(s[:, x, y] @ s[:, x, y] for x, y in np.ndindex(s.shape[1:])) / s[0].size
    return wasserstein_distance(mean(f), cov(f), mean(s), cov(s)) / energy


def bures_distance(h, c):
    """What the squared Wasserstein distance of covariances c + h and c is to second order: 1/2 tr h L, where c L + L c = h."""
    return 0.5 * np.trace(h @ scipy.linalg.solve_sylvester(c, c, h))


def softened(c_s, g_s):
    """A style's covariance with the noise that the Bures metric adds."""
    heaviest = [squares(c) / np.trace(c) for c in (c_s, g_s)]
    return c_s + max(statistics.SOFTNESS * heaviest[0], FLOOR * heaviest[1]) * np.eye(len(c_s))


def bures_oracle(f, s):
    return relative_bures((mean(f), cov(f)), (mean(s), cov(s)), gram(s))


def relative_bures(x, s, g_s):
    """Of means and covariances; 1 = as far as a picture of nothing."""
    soft = softened(s[1], g_s)
    return _bures(x[0] - s[0], x[1] - s[1], soft) / _bures(s[0], s[1], soft)


def _bures(shift, h, soft):
    return bures_distance(h, soft) + squares(shift)


def crowsonkb_style_oracle(f, s):
    little = 1e-4 * np.eye(len(f))
    return wasserstein_distance(mean(f), cov(f) + little, mean(s), cov(s) + little) / len(f)


def nuclear_oracle(f, s):
    """Wasserstein-2 without any root of a matrix: tr (C_s^1/2 C C_s^1/2)^1/2 is the sum of the singular values of F'S."""
    a, b = ((x - mean(x)[:, None, None]).reshape(len(x), -1) / np.sqrt(x[0].size) for x in (f, s))
    overlap = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    return (squares(mean(f) - mean(s)) + squares(a) + squares(b) - 2 * overlap) / (squares(b) + squares(mean(s)))


def staircase_oracle(f, g=None):
    """Means of the quantile functions over LEVELS equal parts, each stair's overlap with each part by itself."""
    directions, flat = statistics._directions(len(f)).numpy(), f.reshape(len(f), -1)
    g = np.ones(flat.shape[1]) if g is None else g.ravel()
    result = np.zeros((len(f), LEVELS))
    for k, values in enumerate(directions @ flat):
        order = np.argsort(values)
        ends = np.cumsum(g[order]) / g.sum()
        for value, start, end in zip(values[order], [0, *ends[:-1]], ends, strict=True):
            low, high = np.arange(LEVELS) / LEVELS, np.arange(1, LEVELS + 1) / LEVELS
            result[k] += value * np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None) * LEVELS
    return result


def sliced_oracle(f, s, g=None, g_s=None):
    q, q_s = staircase_oracle(f, g), staircase_oracle(s, g_s)
    return np.mean((q - q_s) ** 2) / np.mean(q_s**2)


def nearest_oracle(f, s, g=None, g_s=None):
    """Every place of each picture goes to the nearest of the other's that is looked at; half of it moments."""
    g, g_s = (np.ones(x[0].shape) if guide is None else guide for x, guide in ((f, g), (s, g_s)))
    soft = FLOOR * np.trace(guided_cov(s, g_s))
    there, back = (relaxed_distances(f, g, s, g_s, guided_mean(s, g_s), soft) for f, g in ((f, g), (0 * f, g)))
    gaussian = relative_bures(
        (guided_mean(f, g), guided_cov(f, g)), (guided_mean(s, g_s), guided_cov(s, g_s)), guided_gram(s, g_s)
    )
    return 0.5 * max(there) / back[1] + 0.5 * gaussian


def relaxed_distances(f, g, s, g_s, mean, soft):
    """Both sides of the relaxed earth mover's distance, of half the squared distance of directions from `mean`."""

    def directions(x):
        away = x.reshape(len(x), -1).T - mean
        return away / np.sqrt(np.einsum("nc,nc->n", away, away) + soft)[:, None]

    a, b, w, v = directions(f), directions(s), g.ravel() / g.sum(), g_s.ravel() / g_s.sum()
    apart = np.square(a[:, None] - b[None]).sum(2) / 2
    there = sum(w[i] * min(apart[i, v > 0]) for i in range(len(a)))
    back = sum(v[j] * min(apart[w > 0, j]) for j in range(len(b)))
    return there, back


def gatys_style_oracle(f, s):
    """Equation 4 of the 2016 paper for pictures of the same size: Gram sums, and 1 / (4 N^2 M^2)."""
    n, m = len(f), f[0].size
    g, a = np.einsum("ixy,jxy->ij", f, f), np.einsum("ixy,jxy->ij", s, s)
    return squares(g - a) / (4 * n**2 * m**2)


def lecture_style_oracle(f, s):
    """sum / C^2 of Gram matrices divided by H W."""
    return squares(gram(f) - gram(s)) / len(f) ** 2


def pytorch_style_oracle(f, s):
    """Mean squares over the C x C entries of Gram matrices divided by C H W."""
    return np.mean((np.einsum("ixy,jxy->ij", f, f) / f.size - np.einsum("ixy,jxy->ij", s, s) / s.size) ** 2)


def per_layer_oracle(f, s):
    """Sum of (F F^T - S S^T)^2 / (h w c)^2 of sums over locations, hence for pictures of the same size."""
    return squares(np.einsum("ixy,jxy->ij", f, f) - np.einsum("ixy,jxy->ij", s, s)) / f.size**2


def tensorflow_style_oracle(f, s):
    """reduce_mean of the squared differences of Gram matrices divided by the number of locations."""
    return np.mean((np.einsum("ixy,jxy->ij", f, f) / f[0].size - np.einsum("ixy,jxy->ij", s, s) / s[0].size) ** 2)


def gordicaleksa_style_oracle(f, s):
    """MSELoss(reduction="sum") of Gram matrices divided by C H W."""
    return np.sum((np.einsum("ixy,jxy->ij", f, f) / f.size - np.einsum("ixy,jxy->ij", s, s) / s.size) ** 2)


# -------------------------------------------------------------------- what is remembered of a matrix of features (C, M)


def remembered(statistic, f, guide=None):
    """What a statistic remembers of F (C, M), as arrays; `guide` (M,) for moments alone."""
    if statistic == "sliced":
        return (np.sort(_directions(len(f)).numpy() @ f),)
    g = np.ones(f.shape[1]) if guide is None else guide.ravel()
    return f @ g / g.sum(), np.einsum("m,im,jm->ij", g, f, f) / g.sum()


def mixed(parts, shares):
    return tuple(sum(share * p for share, p in zip(shares, arrays)) / sum(shares) for arrays in zip(*parts))


def distance(statistic, x, s):
    """The relative loss of one layer, of what is remembered."""
    if statistic == "sliced":  # sizes of which the number of locations divides LEVELS: each location is as wide as the other
        return squares(x[0] - s[0]) / squares(s[0])
    (m, g), (m_s, g_s) = x, s
    if statistic == "gram":
        return squares(g - g_s) / squares(g_s)
    c, c_s = g - np.outer(m, m), g_s - np.outer(m_s, m_s)
    means = squares(m - m_s) / squares(m_s)
    if statistic == "wasserstein":
        return wasserstein_distance(m, c, m_s, c_s) / np.trace(g_s)
    if statistic == "bures":
        return relative_bures((m, c), (m_s, c_s), g_s)
    if statistic == "mean_variance":
        return 0.5 * squares(np.diag(c - c_s)) / squares(np.diag(c_s)) + 0.5 * means
    covariances = squares(c - c_s) / squares(c_s)
    return covariances if statistic == "covariance" else 0.5 * covariances + 0.5 * means


# -------------------------------------------------------------------------------------------------------------- content


def content_oracle(f, c):
    return squares(f - c) / squares(c - mean(c)[:, None, None])


def gatys_content_oracle(f, c):
    """Equation 1 of the 2016 paper."""
    return sum((f[i, x, y] - c[i, x, y]) ** 2 for i, x, y in np.ndindex(f.shape)) / 2


def mean_squares_content_oracle(f, c):
    return sum((f[i, x, y] - c[i, x, y]) ** 2 for i, x, y in np.ndindex(f.shape)) / f.size


def lecture_content_oracle(f, c):
    channels, height, width = f.shape
    return squares(f - c) / (width * height * channels)


# ------------------------------------------------------------------------------------------------------ total variation


def neighbours(x, wrap=False):
    """Lists of all differences down and to the right."""
    height, width = x.shape[1:]
    rows, columns = (height, width) if wrap else (height - 1, width - 1)
    down = [x[c, (i + 1) % height, j] - x[c, i, j] for c, i, j in np.ndindex(len(x), rows, width)]
    right = [x[c, i, (j + 1) % width] - x[c, i, j] for c, i, j in np.ndindex(len(x), height, columns)]
    return down, right


def total_variation_oracle(x, wrap=False):
    return sum(np.mean(np.square(d)) for d in neighbours(x, wrap) if d)


def absolute_variation_oracle(x, wrap=False):
    return sum(np.mean(np.abs(d)) for d in neighbours(x, wrap) if d)


def absolute_sum_oracle(x, wrap=False):
    return sum(np.sum(np.abs(d)) for d in neighbours(x, wrap))


def power_variation_oracle(x, gamma, wrap=False):
    channels, height, width = x.shape
    places = list(np.ndindex(height, width) if wrap else np.ndindex(height - 1, width - 1))
    total = 0.0
    for c in range(channels):
        for i, j in places:
            down, right = x[c, (i + 1) % height, j] - x[c, i, j], x[c, i, (j + 1) % width] - x[c, i, j]
            squared = down**2 + right**2
            total += squared**gamma * (squared / (squared + formulations.SOFT)) ** max(1 - gamma, 0)
    return total / (channels * len(places))


def nine_point_oracle(x, wrap=False):
    """With wrap each of the H W pixels has a neighbour to all sides; without, the padded border has diagonals of its own."""
    channels, height, width = x.shape
    at = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="wrap" if wrap else "edge")
    inner = [(c, i, j) for c in range(channels) for i in range(1, height + 1) for j in range(1, width + 1)]
    cells = inner if wrap else [(c, i, j) for c in range(channels) for i in range(height + 1) for j in range(width + 1)]
    right = np.mean([(at[c, i, j + 1] - at[c, i, j]) ** 2 for c, i, j in inner])
    down = np.mean([(at[c, i + 1, j] - at[c, i, j]) ** 2 for c, i, j in inner])
    falling = np.mean([(at[c, i + 1, j + 1] - at[c, i, j]) ** 2 for c, i, j in cells])
    rising = np.mean([(at[c, i, j + 1] - at[c, i + 1, j]) ** 2 for c, i, j in cells])
    return 2 * (right / 3 + down / 3 + falling / 12 + rising / 12)


def tv_oracle(x, c):
    return total_variation_oracle(x) / total_variation_oracle(c)


# ----------------------------------------------------------------------------------------------------------- optimisers


def two_loops(gradient, pairs):
    """Nocedal's direction -H g from the pairs (s, y), oldest first, with H0 = s'y / y'y of the newest."""
    q, alphas = gradient.copy(), []
    for s, y in reversed(pairs):
        alphas.append((s * q).sum() / (s * y).sum())
        q -= alphas[-1] * y
    s, y = pairs[-1]
    q *= (s * y).sum() / (y * y).sum()
    for (s, y), alpha in zip(pairs, reversed(alphas)):
        q += s * (alpha - (y * q).sum() / (s * y).sum())
    return -q


class PaperAdam:
    """Kingma and Ba's algorithm 1 in NumPy, clamped to [0, 1]."""

    def __init__(self, x, rate=0.02, betas=(0.9, 0.99)):
        self.x, self.rate, self.betas, self.t = x.copy(), rate, betas, 0
        self.m, self.v = np.zeros_like(x), np.zeros_like(x)

    def step(self, gradient):
        (b1, b2), self.t = self.betas, self.t + 1
        self.m, self.v = b1 * self.m + (1 - b1) * gradient, b2 * self.v + (1 - b2) * gradient**2
        m, v = self.m / (1 - b1**self.t), self.v / (1 - b2**self.t)
        self.x = np.clip(self.x - self.rate * m / np.sqrt(v), 0, 1)


# ------------------------------------------------------------- totals of known programs, of features {layer: (C, H, W)}


def gram_sums(f):
    """Sums, not averages."""
    flat = f.reshape(len(f), -1)
    return flat @ flat.T


def mse(a, b):
    return np.mean((a - b) ** 2)


def l1_sum(x):
    return np.abs(x[:, :, 1:] - x[:, :, :-1]).sum() + np.abs(x[:, 1:, :] - x[:, :-1, :]).sum()


def crowsonkb_total(image, x, content, style):
    total = 0.015 * mse(x["relu4_2"], content["relu4_2"])
    weights = np.array([256, 64, 16, 4, 1]) / (256 + 64 + 16 + 4 + 1)
    for layer, weight in zip(["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"], weights):
        (m, c), (m_s, c_s) = (
            (f.reshape(len(f), -1).mean(1), np.cov(f.reshape(len(f), -1), bias=True) + 1e-4 * np.eye(len(f)))
            for f in (x[layer], style[layer])
        )
        total += weight * wasserstein_distance(m, c, m_s, c_s) / len(m)  # mean over channels of both parts
    p = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    d1 = np.mean((p[:, 1:-1, 1:] - p[:, 1:-1, :-1])[..., 1:] ** 2) / 3
    d2 = np.mean((p[:, 1:, 1:-1] - p[:, :-1, 1:-1])[:, 1:] ** 2) / 3
    d3 = np.mean((p[:, 1:, 1:] - p[:, :-1, :-1]) ** 2) / 12
    d4 = np.mean((p[:, 1:, :-1] - p[:, :-1, 1:]) ** 2) / 12
    return total + 2.0 * 2 * (d1 + d2 + d3 + d4)


CAFFE = 255 * 0.226
"""Programs that feed pixels from 0 to 255, less a mean, to the network, and do not divide them by a standard deviation, have
features about so many times as large as torchvision's way; exactly so if the three channels' deviations were equal and there
were no biases."""


def seen_by_caffe(*pictures):
    return [{layer: CAFFE * f for layer, f in features.items()} for features in pictures]


def neural_style_pt_total(image, x, content, style):
    x, content, style = seen_by_caffe(x, content, style)
    total = 5 * mse(x["relu4_2"], content["relu4_2"])
    for layer in ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]:
        total += 100 * mse(gram_sums(x[layer]) / x[layer].size, gram_sums(style[layer]) / style[layer].size)
    return total + 1e-3 * l1_sum(255 * image)


def gordicaleksa_total(image, x, content, style):
    x, content, style = seen_by_caffe(x, content, style)
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    style_loss = sum(((gram_sums(x[k]) / x[k].size - gram_sums(style[k]) / style[k].size) ** 2).sum() for k in layers) / len(
        layers
    )
    return 1e5 * mse(x["conv4_2"], content["conv4_2"]) + 3e4 * style_loss + 1.0 * l1_sum(255 * image)


def pytorch_total(_image, x, content, style):
    style_score = sum(
        mse(gram_sums(x[k]) / x[k].size, gram_sums(style[k]) / style[k].size)  # a b c d = 1 C H W
        for k in ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]
    )
    return 1e6 * style_score + 1 * mse(x["conv2_2"], content["conv2_2"])


def tensorflow_total(image, x, content, style):
    def gram_matrix(f):  # divided by I J, the number of locations
        return np.einsum("cij,dij->cd", f, f) / (f.shape[1] * f.shape[2])

    x, content, style = seen_by_caffe(x, content, style)  # as keras.applications preprocesses; but the image is in [0, 1]
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    style_loss = sum(mse(gram_matrix(x[k]), gram_matrix(style[k])) for k in layers) * 1e-2 / len(layers)
    return style_loss + mse(x["relu5_2"], content["relu5_2"]) * 1e4 / 1 + 30 * l1_sum(image)


PROGRAMS = {
    "crowsonkb": crowsonkb_total,
    "neural-style-pt": neural_style_pt_total,
    "gordicaleksa": gordicaleksa_total,
    "pytorch": pytorch_total,
    "tensorflow": tensorflow_total,
}
"""Totals of a picture (3, H, W) in [0, 1] and of features, which come from one encoder for all: that is where presets depart
from programs. And crowsonkb pads its first convolution alone by repeating the border, where the preset pads all."""
