"""What is rated and how: matches, online ratings and batch fits, as arrays and plain Python. Nothing here knows a database or a clock.

The stable surface for people who use Arpad as a library is exported here; the service imports the modules.
"""

from app.ratings.fits import Certificate, Difference, Fit, MaximumLikelihoodDoesNotExist, WinProbability, bradley_terry
from app.ratings.online import EloRules, OnlineRatings, elo
from app.ratings.rankings import plackett_luce
from app.ratings.resampling import Bootstrap, bootstrap
from app.ratings.rewards import NeuralRewardModel, RewardModel

__all__ = [
    "Bootstrap",
    "Certificate",
    "Difference",
    "EloRules",
    "Fit",
    "MaximumLikelihoodDoesNotExist",
    "NeuralRewardModel",
    "OnlineRatings",
    "RewardModel",
    "WinProbability",
    "bootstrap",
    "bradley_terry",
    "elo",
    "plackett_luce",
]
