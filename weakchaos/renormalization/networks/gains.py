"""Gains that make a network critical, found from its own signals, one layer after the other.

The chi of a layer is proportional to the square of its weights. Beginning with the first layer, the weights of each layer are scaled until its
measured chi is 1; the next layer is then measured with the signals of the scaled layers. The idea to set variances by data is that of Mishkin and
Matas, ICLR 2016, arXiv:1511.06422; here the stretching of differences is set instead.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ConvergenceWarning
from weakchaos.renormalization.networks.signals import WeightLayer, chain_of

__all__ = ["apply_gain", "suggest_gain"]

_NORMAL = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "RMSNorm")


def suggest_gain(report: Any) -> np.ndarray:
    """Factors on the weights of each probed layer; 1 for the first layer, which receives the raw inputs.

    Parameters
    ----------
    report : ProbeReport

    Returns
    -------
    array of shape (layers,)

    Raises
    ------
    ArgumentError
        If the probed layers have no weights of their own to scale.

    Examples
    --------
    >>> from weakchaos.renormalization import probe
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=(200, 200)) / 200**0.5 for _ in range(6)]
    >>> gains = probe(weights, rng.normal(size=(50, 200))).suggest_gain()
    >>> float(gains[0]), bool((gains[1:] > 1).all())
    (1.0, True)
    """
    from weakchaos.renormalization.networks.torch import is_module

    rng = np.random.default_rng(np.random.SeedSequence([0x6761696E, report.options["seed"]]))
    if is_module(report.model):
        from weakchaos.renormalization.networks.torch_gains import sequential_gains

        _all_measured(report)
        gains = sequential_gains(
            report.model,
            report.inputs,
            [r["layer"] for r in report.rows],
            report.options["directions"],
            int(rng.integers(2**31)),
            report.options["training"],
        )
        kinds = {type(m).__name__ for m in report.model.modules()}
        if kinds & set(_NORMAL):
            warnings.warn(
                f"the model has normalisation layers ({', '.join(sorted(kinds & set(_NORMAL)))}): a gain on the weights before such a layer does not change its output",
                ConvergenceWarning,
                stacklevel=3,
            )
        return gains
    chain = chain_of(report.model, report.options["activation"])
    if not isinstance(chain[0], WeightLayer):
        raise ArgumentError(
            "`suggest_gain` needs layers with weights: a torch module or arrays; plain functions have none to scale"
        )
    z = np.asarray(report.inputs, np.float64)
    gains = np.ones(len(chain))
    for k, layer in enumerate(chain):
        if k:
            ratios = []
            for _ in range(report.options["directions"]):
                v = rng.standard_normal(z.shape)
                ratios.append((layer.jvp(z, v) ** 2).mean() / (v**2).mean())
            chi = float(np.mean(ratios))
            if not chi > 0:
                raise ArgumentError(f"`model` stretches no difference in {report.rows[k]['layer']}: no gain makes its chi 1")
            gains[k] = chi**-0.5
        z = layer.features(z) @ (gains[k] * layer.weight).T + layer.bias
    return gains


def _all_measured(report: Any) -> None:
    missing = next((r["layer"] for r in report.rows if np.isnan(r["chi"])), None)
    if missing is not None:
        raise ArgumentError(
            f"`suggest_gain` needs the chi of every layer, and that of {missing} was not measured: see report.warnings"
        )


def apply_gain(report: Any, gains: Any = None, inplace: bool = False) -> Any:
    """The probed model with the weights of its layers multiplied by `gains`.

    Parameters
    ----------
    report : ProbeReport
    gains : array of shape (layers,), optional
        The suggested gains by default.
    inplace : bool
        Change the model itself (torch modules only); a copy by default.

    Returns
    -------
    torch.nn.Module, or list of (weights, biases)

    Raises
    ------
    ArgumentError
    """
    from weakchaos.renormalization.networks.torch import is_module
    from weakchaos.renormalization.networks.torch_gains import scale_weights

    factors = suggest_gain(report) if gains is None else np.asarray(gains, np.float64)
    if factors.shape != (len(report.rows),) or not np.isfinite(factors).all():
        raise ArgumentError(f"`gains` must be {len(report.rows)} finite numbers, one for each layer; got shape {factors.shape}")
    if is_module(report.model):
        try:
            model = report.model if inplace else copy.deepcopy(report.model)
        except RuntimeError as error:
            raise ArgumentError(
                f"`model` cannot be copied ({str(error).splitlines()[0]}): use apply_gain(inplace=True), or torch.nn.utils.parametrizations in place of the "
                "older weight_norm and spectral_norm"
            ) from error
        scale_weights(model, [r["layer"] for r in report.rows], factors)
        return model
    if inplace:
        raise ArgumentError("`inplace` is for torch modules; of arrays a new list is returned")
    chain = chain_of(report.model, report.options["activation"])
    if not isinstance(chain[0], WeightLayer):
        raise ArgumentError("`apply_gain` needs layers with weights: a torch module or arrays; plain functions have none to scale")
    return [(g * layer.weight, layer.bias.copy()) for g, layer in zip(factors, chain, strict=True)]
