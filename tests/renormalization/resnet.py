"""A residual network of 18 layers for images of 224 x 224 pixels (He, Zhang, Ren and Sun, CVPR 2016, arXiv:1512.03385), written out."""

from torch import nn


class BasicBlock(nn.Module):
    """Two convolutions and a skip."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.skip = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        return self.relu(self.skip(x) + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


def resnet18(classes=1000):
    """Random weights, as He's rule draws them."""
    widths, blocks, inputs = (64, 128, 256, 512), [], 64
    for stage, width in enumerate(widths):
        for k in range(2):
            blocks.append(BasicBlock(inputs, width, 2 if stage and k == 0 else 1))
            inputs = width
    model = nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes),
    )  # fmt: skip
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out")
    return model
