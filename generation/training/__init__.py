"""How the pocket model is made and measured: scenes drawn by rule, the trainer, the analyser.

Only the ``train_pocket`` and ``evaluate_pocket`` commands import from here; the product itself loads the
weights in ``generation/pocket`` like any other diffusers folder.
"""
