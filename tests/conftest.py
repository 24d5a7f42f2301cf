"""For all tests: few threads, since several runs may share a machine, and no telemetry."""

import os

import torch

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
torch.set_num_threads(2)
