"""Training and sampling of rlaif on PyTorch and Ray: one short module for each stage."""
