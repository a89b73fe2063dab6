"""Classifiers of ImageNet in plain torch, written to be read: each factory takes no argument."""
