"""Networks that are brought in from PyTorch."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x, y):
        return F.cross_entropy(self.fc2(F.relu(self.fc1(x))), y)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3)
        self.fc1, self.fc2 = nn.Linear(36, 7), nn.Linear(7, 5)

    def forward(self, x):
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = torch.flatten(F.max_pool2d(F.relu(self.conv2(x)), 2, stride=1), 1)
        return self.fc2(torch.sigmoid(self.fc1(x)))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Block(nn.Module):
    def __init__(self, width=8, heads=2, words=11, longest=16):
        super().__init__()
        self.width, self.heads = width, heads
        self.wte, self.wpe = nn.Embedding(words, width), nn.Embedding(longest, width)
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens):
        n, t = tokens.shape
        x = self.wte(tokens) + self.wpe(torch.arange(t))
        parts = self.attn(self.ln1(x)).split(self.width, dim=2)
        q, k, v = (p.view(n, t, self.heads, -1).transpose(1, 2) for p in parts)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(attended.transpose(1, 2).reshape(n, t, self.width))
        return x + self.out(F.gelu(self.fc(self.ln2(x))))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.mu, self.lv, self.dec = nn.Linear(5, 6), nn.Linear(6, 2), nn.Linear(6, 2), nn.Linear(2, 5)

    def forward(self, x, eps):
        h = torch.tanh(self.enc(x))
        mu, lv = self.mu(h), self.lv(h)
        made = self.dec(mu + torch.exp(0.5 * lv) * eps)
        return F.mse_loss(made, x, reduction="sum") - 0.5 * (1 + lv - mu**2 - lv.exp()).sum()


class Masked(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.drop, self.fc = function, nn.Dropout(0.3), nn.Linear(2, 2)

    def forward(self, x):
        return self.function(self.drop(self.fc(x)))
