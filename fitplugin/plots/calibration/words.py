"""Words of the calibration page."""

from __future__ import annotations

NUMBERS = {
    "RMSE": "Root mean square of predicted minus true, in the unit of the target. Smaller is "
    "better.",
    "error": "The RMSE without the noise of the true values themselves (simulated efficiencies "
    "scatter by their Monte Carlo statistics); equal to the RMSE where they have none.",
    "error / spread": "That error in units of the standard deviation of the true values: 1 is as "
    "good as quoting the average, 0.01 is a hundredth of it.",
    "relative error": "Mean of |predicted - true| / |true|, over points whose true value is not "
    "0. A mass that is learned as its difference from leading order is judged as that difference, "
    "which may be near 0: the relative error of the mass is then much smaller.",
    "pull": "(predicted - true) / error. The error is the predicted one and, in quadrature, that "
    "of the true value where it is known. Pulls are distributed as N(0, 1), with mean 0 and "
    "standard deviation 1, if the predicted errors are right.",
    "chi2/n": "Mean squared pull: 1 if errors are right, above 1 if they are too small, below if "
    "too large. A few points far away may raise it alone; then coverage is still right.",
    "68 %, 95 %, 99.7 %": "Coverage: share of the true values inside the central 68.27, 95 and "
    "99.73 % of the prediction. Marked where it is farther from its level than three binomial "
    "standard deviations. In slices, the same for a fifth of the points each, ordered by an input "
    "or by the true value; where true values scatter, slices of them choose the scatter too, "
    "and the coverage of their outer slices is lower than 68 % even for perfect errors.",
    "log score": "Mean logarithm of the predicted density at the true value, in nats: rewards "
    "sharp and right errors together. Larger is better; only differences mean something.",
    "precision, recall, F1": "Of the points said to be of class 1, the share that is; of the "
    "points of class 1, the share that is said to be; their harmonic mean.",
    "false 1, false 0": "Numbers of mistakes: points of class 0 said to be 1 (invalid points that "
    "are kept), and points of class 1 said to be 0 (valid points that are lost).",
    "Brier score, log loss": "Mean squared difference of probability and class; mean negative "
    "logarithm of the probability of the class that came. Smaller is better; no threshold in it.",
    "least mistakes at": "The threshold with the fewest mistakes, both kinds counted alike. It is "
    "fitted to these very points, so a little optimistic.",
    "time, us/point": "Seconds of the training; microseconds of one prediction within a batch, on "
    "one processor of this machine, while others may be at work.",
}
